"""Clicks and boxes that say which object is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instructsam_ros.errors import InvalidInputError

PROMPTED_PHRASE = "object"
"""Phrase of instances that a click, a box or a request for everything found: it is not named."""

MAX_PROMPTS = 1000


@dataclass(frozen=True, eq=False)
class Prompt:
    """What is known of one object. points: float64 [n, 2], x y in pixels; integers lie on pixel centres.

    labels: bool [n], whether a point lies on the object. box: float64 [4], x0 y0 x1 y1 in pixels, half-open,
    within the image, or None.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.bool_]
    box: NDArray[np.float64] | None


def read_prompts(
    points: ArrayLike, labels: ArrayLike, boxes: ArrayLike, size: tuple[int, int]
) -> tuple[Prompt, ...]:
    """Check prompts of an image of ``size`` (height, width): those of one object, or boxes of an object each.

    points: [n, 2], x y in pixels. labels: [n], 1 on the object, 0 not on it. boxes: [m, 4], x0 y0 x1 y1 in
    pixels; with points at most one. Boxes are cut off at the border of the image. Raises InvalidInputError
    for prompts outside of the image, of another form, and if nothing is on an object.
    """
    spots = _numbers(points, 2, "points")
    frames = _numbers(boxes, 4, "boxes")
    try:
        marks = np.asarray(labels, np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise InvalidInputError("labels must be 1 (on the object) or 0 (not on it)") from None
    if not np.isin(marks, (0, 1)).all():
        raise InvalidInputError(f"labels must be 1 (on the object) or 0 (not on it), got {marks.tolist()}")
    if len(marks) != len(spots):
        raise InvalidInputError(f"{len(spots)} points with {len(marks)} labels; every point needs one")
    height, width = size
    outside = (spots < -0.5).any(1) | (spots >= (width - 0.5, height - 0.5)).any(1)
    if outside.any():
        x, y = spots[outside][0]
        raise InvalidInputError(f"the point {x:g},{y:g} is not in the image of {width}x{height} pixels")
    cut = np.clip(frames, 0, (width, height, width, height))
    if (empty := (cut[:, 2:] <= cut[:, :2]).any(1)).any():
        edges = ",".join(f"{edge:g}" for edge in frames[empty][0])
        raise InvalidInputError(
            f"the box {edges} holds nothing of the image of {width}x{height} pixels; boxes are x0,y0,x1,y1"
        )
    if not marks.any() and not len(cut):
        raise InvalidInputError("give a point on the object, or a box around it")
    if not len(spots):
        return tuple(Prompt(spots, marks.astype(bool), box) for box in cut)
    if len(cut) > 1:
        raise InvalidInputError(f"points belong to one object and take at most one box, got {len(cut)}")
    return (Prompt(spots, marks.astype(bool), cut[0] if len(cut) else None),)


def _numbers(values: ArrayLike, width: int, what: str) -> NDArray[np.float64]:
    shape: Sequence[Any] = ()
    try:
        array = np.asarray(values, np.float64)
        shape = array.shape
        array = array.reshape(-1, width) if array.size or not shape else np.zeros((0, width))
    except (TypeError, ValueError):
        raise InvalidInputError(f"{what} must be numbers [n, {width}], got {shape or values!r}") from None
    if len(shape) > 2 or (array.size and shape[-1] != width):
        raise InvalidInputError(f"{what} must be numbers [n, {width}], got {shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{what} hold values that are no finite numbers")
    if len(array) > MAX_PROMPTS:
        raise InvalidInputError(f"{len(array)} {what}; at most {MAX_PROMPTS} are read")
    return array
