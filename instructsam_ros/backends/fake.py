"""A test double: exact masks without weights or torch, to integrate and test everything around a model.

Without ground truth, the regions of an image are its connected patches of one saturated colour, so
that in a picture of a red square "the red thing" has an exact mask. With ground truth (``ids`` and
``names``), they are the objects of that id image. Either way an instruction selects the regions
that it names ("the two red mugs"), or every region with "all" or "everything".
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError, InstructSamError, InvalidInputError
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import (
    Instance,
    PhraseAnswer,
    Segmentation,
    Status,
    check_instruction,
    check_rgb,
    tight_box,
)

HUE_ENDS = {  # degrees, the end of each colour; red begins again at 340
    "red": 20,
    "orange": 45,
    "yellow": 70,
    "green": 160,
    "cyan": 200,
    "blue": 265,
    "purple": 290,
    "magenta": 340,
}
MIN_SATURATION, MIN_VALUE = 100, 60  # of 255: greys, whites and shadows have no colour
MIN_REGION_RATIO = 0.0005  # of the image: patches of sensor noise are not objects
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class FakeFeatures:
    """All regions of one image: bool [H, W] masks with the phrase of each, largest first."""

    masks: tuple[NDArray[np.bool_], ...]
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class FakeSegmenter:
    """Segmenter that selects known regions by name, as described above. Every score is 1.

    ids: integer [H, W] ground truth, or None for regions by colour. names: phrase of each id (ids
    without a name are background). slow: seconds that each call takes, during which it can be
    cancelled. fail: every call raises InstructSamError.
    """

    ids: NDArray[np.integer] | None = None
    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    slow: float = 0.0
    fail: bool = False
    name: str = "fake"

    def encode(self, rgb: NDArray[np.uint8]) -> FakeFeatures:
        """Find all regions. Raises InvalidInputError for a bad image or one of another size than ids."""
        check_rgb(rgb)
        if self.ids is None:
            regions = _color_regions(rgb)
        else:
            if self.ids.shape != rgb.shape[:2]:
                raise InvalidInputError(
                    f"the image is {rgb.shape[:2]} but the ids are {self.ids.shape} (H, W)"
                )
            regions = [(phrase, self.ids == id_) for id_, phrase in self.names.items()]
        regions = sorted((r for r in regions if r[1].any()), key=lambda region: -int(region[1].sum()))
        return FakeFeatures(tuple(mask for _, mask in regions), tuple(phrase for phrase, _ in regions))

    def segment(
        self,
        features: FakeFeatures,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Select the regions that the instruction names; see Segmenter.segment."""
        text = check_instruction(instruction).lower()
        start = time.perf_counter()
        raise_if_cancelled(cancel)
        while time.perf_counter() - start < self.slow:
            time.sleep(POLL_SECONDS)
            raise_if_cancelled(cancel)
        if self.fail:
            raise InstructSamError("the fake segmenter fails, as its option 'fail' is set")
        everything = _names("all|everything", text)
        instances = tuple(
            Instance(mask, tight_box(mask), 1.0, phrase)
            for mask, phrase in zip(features.masks, features.phrases, strict=True)
            if everything or _names(re.escape(phrase.lower()), text)
        )
        answer = ", ".join(instance.phrase for instance in instances) or "nothing"
        status = Status.OK if instances else Status.NO_TARGET
        found = {instance.phrase for instance in instances}
        named = [name for name in (self.names.values() or HUE_ENDS) if _names(re.escape(name.lower()), text)]
        phrases = tuple(
            PhraseAnswer(name, Status.OK if name in found else Status.NO_TARGET)
            for name in dict.fromkeys([*named, *found])
        )
        return Segmentation(instances, answer, status, {"generate": time.perf_counter() - start}, phrases)

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> Segmentation:
        """``segment(encode(rgb), instruction)``."""
        return self.segment(self.encode(rgb), instruction)


def load(
    model: str,  # noqa: ARG001  (the registry calls every backend with model and device)
    device: str,  # noqa: ARG001
    *,
    ids: str | Path | NDArray[np.integer] | None = None,
    names: Mapping[int, str] | None = None,
    slow: float = 0.0,
    fail: bool = False,
) -> FakeSegmenter:
    """Load the fake; ``model`` and ``device`` are ignored. Options as FakeSegmenter, ``ids`` also as a path.

    Raises ConfigError for ids that cannot be read or are not one uint8 or uint16 channel, and when
    only one of ids and names is given.
    """
    if (ids is None) != (names is None):
        raise ConfigError("the fake segmenter needs both 'ids' and 'names' {id: phrase}, or neither")
    if isinstance(ids, str | Path):
        path, ids = ids, cv2.imread(str(ids), cv2.IMREAD_UNCHANGED)
        if ids is None:
            raise ConfigError(f"cannot read the id image {path}")
    if ids is not None and (ids.ndim != 2 or ids.dtype not in (np.uint8, np.uint16)):
        raise ConfigError(f"ids must be one uint8 or uint16 channel [H, W], got {ids.dtype} {ids.shape}")
    return FakeSegmenter(ids, MappingProxyType(dict(names or {})), slow, fail)


def _names(pattern: str, text: str) -> bool:
    return re.search(rf"\b(?:{pattern})(?:e?s)?\b", text) is not None


def _color_regions(rgb: NDArray[np.uint8]) -> list[tuple[str, NDArray[np.bool_]]]:
    hue, saturation, value = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
    coloured = (saturation >= MIN_SATURATION) & (value >= MIN_VALUE)
    bands = np.searchsorted(list(HUE_ENDS.values()), hue.astype(np.int32) * 2, side="right") % len(HUE_ENDS)
    regions = []
    for band, colour in enumerate(HUE_ENDS):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            (coloured & (bands == band)).astype(np.uint8), connectivity=8
        )
        big = stats[:, cv2.CC_STAT_AREA] >= MIN_REGION_RATIO * hue.size
        regions += [(colour, labels == label) for label in range(1, count) if big[label]]
    return regions
