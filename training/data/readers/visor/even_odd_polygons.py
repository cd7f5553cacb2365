"""Masks of polygons that are filled together by the even-odd rule, as VISOR draws its entities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.mask_codec import is_number
from instructsam_ros.training.data.sample import Masks

FARTHEST = 2
"""How many times the image's longer side coordinates may be; a canvas must hold them."""
Polygon = NDArray[np.int16]
"""Corners [n, 2] as x, y in pixels."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


def parse_polygons(segments: Any, height: int, width: int) -> tuple[Polygon, ...]:
    """Read [[[x, y], ...], ...] without the polygons of under three points, which have no area.

    Corners may lie outside the image. Fractions are cut off, as VISOR's own tools do. Raises
    InvalidInputError for other forms and for corners far beyond the image.
    """
    if not isinstance(segments, list) or not all(isinstance(part, list) for part in segments):
        raise InvalidInputError("segments are no list of polygons")
    for point in (point for part in segments for point in part):
        if not (isinstance(point, list) and len(point) == 2 and all(is_number(value) for value in point)):
            raise InvalidInputError(f"{point!r} is no point [x, y]")
        if any(abs(value) > FARTHEST * max(height, width) for value in point):
            raise InvalidInputError(f"a polygon reaches far beyond the image of {width}x{height}")
    return tuple(np.array(part).astype(np.int16) for part in segments if len(part) >= 3)


def fill_even_odd(polygons: Sequence[Polygon], height: int, width: int) -> NDArray[np.bool_]:
    """Fill polygons together, bool [H, W]: what an even number of them cover is a hole."""
    if not polygons:
        return np.zeros((height, width), bool)
    # fillPoly draws a line along the canvas' edge beside polygons that leave it, so that all must fit.
    left, top, right, bottom = bounding_box(polygons)
    left, top = min(left, 0), min(top, 0)
    canvas = np.zeros((max(bottom + 1, height) - top, max(right + 1, width) - left), np.uint8)
    cv2.fillPoly(canvas, [polygon.astype(np.int32) - (left, top) for polygon in polygons], 1)
    return canvas[-top : height - top, -left : width - left].astype(bool)


def polygon_masks(polygons: Sequence[Polygon], height: int, width: int, image: ImageFile) -> Masks:
    """Return the reader of one mask [1, H, W], upright as ``image``, of polygons on height x width pixels.

    An image of another stored size is the same picture scaled.
    """
    return partial(_read, tuple(polygons), height, width, image)


def bounding_box(polygons: Sequence[Polygon]) -> Box:
    """Return the box around all polygons, of which there is at least one."""
    corners = np.concatenate(list(polygons))
    (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
    return left, top, right, bottom


def gap(box: Box, other: Box) -> int:
    """Pixels between two boxes along the axis where they are farther apart, 0 where they touch."""
    return max(box[0] - other[2], other[0] - box[2], box[1] - other[3], other[1] - box[3], 0)


def are_far_apart(polygons: Sequence[Polygon], distance: float) -> bool:
    """Whether the polygons fall into groups whose boxes are more than ``distance`` pixels apart."""
    left = [bounding_box([polygon]) for polygon in polygons]
    reached = [left.pop()] if left else []
    while reached and left:
        box = reached.pop()
        near = [other for other in left if gap(box, other) <= distance]
        reached += near
        left = [other for other in left if gap(box, other) > distance]
    return bool(left)


def _read(polygons: tuple[Polygon, ...], height: int, width: int, image: ImageFile) -> NDArray[np.bool_]:
    mask = fill_even_odd(polygons, height, width)
    rows, columns = image.stored_size()
    if (rows, columns) != (height, width):
        scaled = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        mask = scaled >= 0.5
    return image.upright(mask[None])
