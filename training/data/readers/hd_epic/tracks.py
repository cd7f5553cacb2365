"""Movements of objects and their masks in HD-EPIC (arXiv 2502.04144), as its JSON files list them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.readers.hd_epic.names import object_noun

AGREEMENT = 0.5
"""Least IoU of a mask's box and the annotated box that agree; they come from different annotators."""
HIGHEST = 10_000_000
"""No video has as many frames."""


@dataclass(frozen=True)
class Track:
    """A movement of an object. noun: None for an object without a name. start, stop: in seconds."""

    association: str
    noun: str | None
    start: float
    stop: float
    masks: tuple[str, ...]


@dataclass(frozen=True)
class MaskInfo:
    """The description of a mask. frame: from 0. box: left, top, right, bottom in pixels. fixture: its kind
    ("counter" of "P01_counter.001"), "" for none.
    """

    frame: int
    box: tuple[float, float, float, float]
    fixture: str


@dataclass(frozen=True)
class MaskedObject:
    """An object in a frame."""

    association: str
    noun: str
    image: ImageFile
    mask: ImageFile
    info: MaskInfo

    def masks(self) -> NDArray[np.bool_]:
        """Read its mask, bool [1, H, W], upright as the image. Raises InvalidInputError."""
        return self.image.upright(np.any(self.mask.read(), -1, keepdims=True).transpose(2, 0, 1))

    def agrees(self) -> bool:
        """Whether the mask fills the annotated box. Raises InvalidInputError for a damaged mask."""
        mask = self.masks()[0]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not rows.size:
            return False
        own, box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), self.info.box
        shared = math.prod(max(min(own[i + 2], box[i + 2]) - max(own[i], box[i]), 0) for i in (0, 1))
        areas = sum((each[2] - each[0]) * (each[3] - each[1]) for each in (own, box))
        return bool(shared >= AGREEMENT * (areas - shared))


def parse_tracks(association: str, entry: Any) -> Iterator[Track]:
    """Read {name, tracks: [{time_segment, masks}]}; earlier releases write all_frames for masks.

    Raises InvalidInputError.
    """
    try:
        noun = object_noun(entry["name"])
        for track in entry["tracks"]:
            start, stop = (float(time) for time in track["time_segment"])
            masks = track["masks"] if "masks" in track else track["all_frames"]
            yield Track(association, noun, start, stop, tuple(str(key) for key in masks))
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(f"no association of a name and tracks: {error!r}") from None


def parse_mask_info(entry: Any) -> MaskInfo:
    """Read {frame_number, bbox, fixture}. Raises InvalidInputError."""
    try:
        frame, fixture = entry["frame_number"], entry.get("fixture")
        left, top, right, bottom = (float(side) for side in entry["bbox"])
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(f"no description of a mask with frame_number and bbox: {error!r}") from None
    if type(frame) is not int or not 0 <= frame < HIGHEST:
        raise InvalidInputError(f"frame_number {frame!r} is not an integer in 0..{HIGHEST - 1}")
    if not isinstance(fixture, str) or fixture.lower() == "null":
        fixture = ""
    return MaskInfo(frame, (left, top, right, bottom), re.sub(r"^P\d+_|\.\d+$", "", fixture))
