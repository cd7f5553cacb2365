"""SAM 3 behind the Segmenter contract: noun phrases, one or several in a call."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from instructsam_ros.backends.sam3_prompts import all_instances, prompted_instance
from instructsam_ros.errors import CheckpointError, ConfigError, InvalidInputError
from instructsam_ros.models.common.device import Precision, check_threads, torch_device, torch_dtype
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.sam3.checkpoint import load_sam3
from instructsam_ros.models.sam3.modeling import Adaptation, ImageLevels, Sam3, Sam3Output
from instructsam_ros.models.sam3.postprocessing import SCORE_THRESHOLD, read_instances
from instructsam_ros.models.sam3.tokenizer import CONTEXT, ClipTokenizer
from instructsam_ros.models.sam3.tracker import Sam3Tracker, TrackerLevels
from instructsam_ros.models.sam3.tracker_checkpoint import LazyTracker
from instructsam_ros.models.sam3i.router import Router
from instructsam_ros.prompts import PROMPTED_PHRASE, read_prompts
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import Instance, Segmentation, Status, check_instruction, check_rgb

SEPARATOR = ";"
"""Between the noun phrases of one call."""
GRID, MAX_GRID = 32, 256
"""Points per side of the image, as SAM's mask generator takes them, and at most."""
EXEMPLAR_TEXT = "visual"
"""Text that SAM 3 was trained with where there are example boxes and no phrase."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedPicture:
    """Features of one image, its size in pixels, and the seconds of encoding.

    for_clicks: features that the first click on the image adds, at most one.
    """

    image: ImageLevels
    height: int
    width: int
    seconds: float
    for_clicks: list[TrackerLevels] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Sam3Segmenter:
    """Segmenter around SAM 3; see Segmenter for the contract.

    An instruction is a noun phrase or several, separated by ";". Every phrase is searched alone, so that the
    answer to "mug; bowl" holds those to "mug" and "bowl". threshold: instances must score higher. tracker:
    answers clicks. grid: number of points per side of the image that everything is searched with.
    """

    model: Sam3
    tokenizer: ClipTokenizer
    router: Router
    threshold: float = SCORE_THRESHOLD
    name: str = "sam3"
    tracker: LazyTracker | None = None
    grid: int = GRID

    @torch.inference_mode()
    def encode(self, rgb: NDArray[np.uint8]) -> EncodedPicture:
        """Compute the features of a uint8 [H, W, 3] image, which serve all phrases."""
        check_rgb(rgb)
        start = time.perf_counter()
        pixels = self.model.prepare(rgb).to(self.model.device, self.model.dtype)
        image = self.model.encode_image(pixels)
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)
        return EncodedPicture(image, rgb.shape[0], rgb.shape[1], time.perf_counter() - start)

    @torch.inference_mode()
    def segment(
        self,
        features: EncodedPicture,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Find all instances of the phrases; see Segmenter.segment. ``previous`` is not used."""
        phrases = split_phrases(instruction)
        for phrase in phrases:
            if self.router(phrase).route != "concept":
                logger.warning(
                    "SAM 3 reads noun phrases, not places, relations and purposes: of %r it finds everything "
                    "that the nouns name; ask for a noun phrase, or take the backend sam3i or instructsam",
                    phrase,
                )
        return self.answer(features, phrases, cancel=cancel)

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> Segmentation:
        """``segment(encode(rgb), instruction)``."""
        return self.segment(self.encode(rgb), instruction)

    @torch.inference_mode()
    def segment_like(
        self,
        features: EncodedPicture,
        boxes: NDArray[np.float32],
        labels: Sequence[bool] | None = None,
        phrase: str = EXEMPLAR_TEXT,
    ) -> Segmentation:
        """Find all things like those in example boxes, which may be more than the boxes hold.

        boxes: [k, 4], x0 y0 x1 y1 in pixels of the image. labels: of each, True for "such things", False for
        "not such things"; all True by default. phrase: narrows it down. Raises InvalidInputError for boxes
        that are none.
        """
        corners, size = np.asarray(boxes, np.float32), (features.width, features.height)
        if corners.ndim != 2 or corners.shape[1] != 4 or not len(corners):
            raise InvalidInputError(f"expected example boxes [k, 4], got {corners.shape}")
        marks = [True] * len(corners) if labels is None else list(labels)
        if len(marks) != len(corners):
            raise InvalidInputError(f"{len(corners)} example boxes have {len(marks)} labels")
        if not np.isfinite(corners).all() or (corners[:, 2:] <= corners[:, :2]).any():
            raise InvalidInputError("example boxes must be x0 y0 x1 y1 with x0 < x1 and y0 < y1")
        scale = torch.tensor([*size, *size], dtype=torch.float32)
        scaled = torch.from_numpy(corners) / scale
        middle, extent = (scaled[:, :2] + scaled[:, 2:]) / 2, scaled[:, 2:] - scaled[:, :2]
        geometry = self.model.encode_geometry(
            features.image,
            torch.cat([middle, extent], 1)[None].to(self.model.device),
            torch.tensor([[int(mark) for mark in marks]], device=self.model.device),
        )
        return self.answer(features, split_phrases(phrase), geometry=geometry)

    @torch.inference_mode()
    def segment_prompts(
        self,
        features: EncodedPicture,
        points: ArrayLike,
        labels: ArrayLike,
        boxes: ArrayLike = (),
        *,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Segment what clicks and boxes mean; see PromptSegmenter.segment_prompts.

        Raises CheckpointError where the weights have no tracker.
        """
        size = (features.height, features.width)
        prompts, start = read_prompts(points, labels, boxes, size), time.perf_counter()
        tracker, levels = self._for_clicks(features, cancel)
        found = []
        for prompt in prompts:
            raise_if_cancelled(cancel)
            found += prompted_instance(tracker, levels, prompt, size)
        return _prompted_answer(found, features, start)

    @torch.inference_mode()
    def segment_everything(self, features: EncodedPicture, *, cancel: Cancel | None = None) -> Segmentation:
        """Segment all objects; see EverythingSegmenter.segment_everything. Raises as segment_prompts."""
        start = time.perf_counter()
        tracker, levels = self._for_clicks(features, cancel)
        size = (features.height, features.width)
        found, are_more = all_instances(tracker, levels, self.grid, size, cancel)
        return _prompted_answer(found, features, start, are_more=are_more)

    def _for_clicks(
        self, features: EncodedPicture, cancel: Cancel | None
    ) -> tuple[Sam3Tracker, TrackerLevels]:
        raise_if_cancelled(cancel)
        if self.tracker is None:
            raise CheckpointError(f"{self.name} was built without the tracker that answers clicks")
        tracker = self.tracker.get()
        levels = features.for_clicks[0] if features.for_clicks else tracker.embed(features.image.trunk)
        features.for_clicks[:] = [levels]  # two threads may compute the same
        return tracker, levels

    def answer(
        self,
        features: EncodedPicture,
        phrases: Sequence[str],
        adaptation: Adaptation | None = None,
        *,
        geometry: Tensor | None = None,
        cancel: Cancel | None = None,
        remark: str = "",
    ) -> Segmentation:
        """Search one phrase after the other. remark: begins the answer's text."""
        start = time.perf_counter()
        instances: list[Instance] = []
        is_full = False
        for phrase in phrases:
            raise_if_cancelled(cancel)
            output = self._search(features, phrase, adaptation, geometry)
            found, full = read_instances(output, phrase, (features.height, features.width), self.threshold)
            instances += found
            is_full |= full
        raise_if_cancelled(cancel)
        status = Status.MAX_INSTANCES if is_full else Status.OK if instances else Status.NO_TARGET
        seconds = {"encode": features.seconds, "detect": time.perf_counter() - start}
        text = remark + f"{SEPARATOR} ".join(phrases)
        return Segmentation(tuple(instances), text, status, MappingProxyType(seconds))

    def _search(
        self,
        features: EncodedPicture,
        phrase: str,
        adaptation: Adaptation | None,
        geometry: Tensor | None,
    ) -> Sam3Output:
        if self.tokenizer.is_cut(phrase):
            logger.warning("of %r only the first %d tokens are read", phrase, CONTEXT - 2)
        ids = self.tokenizer([phrase]).to(self.model.device)
        prompt, _ = self.model.encode_text(ids, adaptation)
        return self.model.detect(features.image, prompt, adaptation, geometry=geometry)


def _prompted_answer(
    found: list[Instance], features: EncodedPicture, start: float, *, are_more: bool = False
) -> Segmentation:
    seconds = {"encode": features.seconds, "masks": time.perf_counter() - start}
    status = Status.MAX_INSTANCES if are_more else Status.OK if found else Status.NO_TARGET
    answer = PROMPTED_PHRASE if found else "nothing"
    return Segmentation(tuple(found), answer, status, MappingProxyType(seconds))


def split_phrases(instruction: str) -> tuple[str, ...]:
    """Split an instruction into its phrases, each once, in their order. Raises InvalidInputError."""
    parts = (part.strip() for part in check_instruction(instruction).split(SEPARATOR))
    phrases = tuple(dict.fromkeys(part for part in parts if part))
    if not phrases:
        raise InvalidInputError(f"{instruction!r} holds no phrase; write e.g. 'mug; bowl'")
    return phrases


def model_path(model: str, revision: str | None, offline: bool) -> Path:
    """Locate a .pt file, a folder or a hub id; raises as ``checkpoint_folder``."""
    path = Path(model).expanduser()
    return path if path.is_file() else checkpoint_folder(model, revision=revision, offline=offline)


def tokenizer_folder(path: Path) -> Path:
    """Return the folder of the tokenizer of a checkpoint."""
    return path.parent if path.is_file() else path


def check_threshold(threshold: object) -> float:
    """Return a score threshold. Raises ConfigError outside 0..1."""
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise ConfigError(f"score_threshold must be a number in 0..1, got {threshold!r}")
    return float(threshold)


def lazy_tracker(
    tracker: str | None, path: Path, model: Sam3, revision: str | None, offline: bool
) -> LazyTracker:
    """Return the loader of what answers clicks: that of another folder or hub id, or of the model's own."""
    return LazyTracker(path if tracker is None else model_path(tracker, revision, offline), model)


def check_grid(grid: object) -> int:
    """Return a number of points per side. Raises ConfigError outside 1..MAX_GRID."""
    if isinstance(grid, bool) or not isinstance(grid, int) or not 1 <= grid <= MAX_GRID:
        raise ConfigError(f"grid must be a whole number in 1..{MAX_GRID}, got {grid!r}")
    return grid


def load(
    model: str,
    device: str,
    *,
    dtype: Precision = "auto",
    threads: int | None = None,
    revision: str | None = None,
    offline: bool = False,
    score_threshold: float = SCORE_THRESHOLD,
    geometry_token: bool = True,
    tracker: str | None = None,
    grid: int = GRID,
) -> Sam3Segmenter:
    """Load facebook/sam3 (hub id, gated), a local folder of it, or Meta's sam3.pt.

    device, dtype, threads, revision, offline: as in the backend instructsam. geometry_token: append the
    geometry encoder's token of the image to every phrase, as Meta's code does and ``transformers.Sam3Model``
    does not. tracker: hub id or folder of facebook/sam3 whose tracker answers clicks, where ``model`` has
    none, as Meta's file; it is read with the first click. grid: points per side of everything. Raises
    CheckpointError for unusable weights and ConfigError for an unusable device or option.
    """
    if threads is not None:
        check_threads(threads, 1)
        torch.set_num_threads(threads)
    threshold, grid = check_threshold(score_threshold), check_grid(grid)
    target = torch_device(device)
    path = model_path(model, revision, offline)
    loaded = load_sam3(path, torch_dtype(dtype, target), target, geometry_token=geometry_token)
    clicks = lazy_tracker(tracker, path, loaded, revision, offline)
    tokenizer = ClipTokenizer.from_folder(tokenizer_folder(path))
    return Sam3Segmenter(loaded, tokenizer, Router.shipped(), threshold, tracker=clicks, grid=grid)
