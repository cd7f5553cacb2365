"""The object that a prompt has selected, found again in the images of a stream by where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting import pixel_rays, visible_pixel
from instructsam_ros.pipeline import Result
from instructsam_ros.prompt_requests import PromptRequest, Request
from instructsam_ros.segmenter import Cancel, Segmenter
from instructsam_ros.types import IDENTITY, Frame, Instance, Segmentation, Status, View


@dataclass(frozen=True)
class OutOfView:
    """A request for an object that the image does not show."""

    text: str = "object out of view"

    def ask(self, segmenter: Segmenter, features: Any, cancel: Cancel | None = None) -> Segmentation:
        """Answer that there is none, without the model."""
        return Segmentation((), "nothing", Status.NO_TARGET)


@dataclass(frozen=True, eq=False)
class _Place:
    """Pixels [5, 2] of an object: one inside, then the corners of its box; box: its x0 y0 x1 y1, half-open.

    points: [5, 3], metres in the fixed frame, at the depth of the one inside; NaN where unknown. fixed_frame:
    empty for the camera's own.
    """

    pixels: NDArray[np.float64]
    points: NDArray[np.float64]
    fixed_frame: str


class PromptedObject:
    """A prompt for the first image, and for later ones a point and a box where the object was last.

    With depth, the place is in metres and is projected into the next image; with the camera's pose in a fixed
    frame, objects at rest are found however the camera moves. Otherwise the pixels of the last image hold.
    The id of the first answer is the object's: an answer under another id is no answer. Not thread-safe.
    """

    def __init__(self, request: PromptRequest) -> None:
        self._first = request
        self._place: _Place | None = None
        self._id = 0

    def request(self, frame: Frame, view: View | None) -> Request:
        """Return what to ask on an image of the stream."""
        place = self._place
        if place is None:
            return self._first
        pixels = place.pixels
        if np.isfinite(place.points).all() and _frame_of(view) == place.fixed_frame and frame.intrinsics:
            pose = IDENTITY if view is None else view.pose
            points = (place.points - pose.translation) @ pose.rotation
            seen = [visible_pixel(point, frame.intrinsics) for point in points]
            if seen[0] is None:
                return OutOfView()
            # A corner that is not in the image is moved as the point inside has moved.
            moved = pixels + (seen[0] - pixels[0])
            pixels = np.array([old if new is None else new for old, new in zip(moved, seen, strict=True)])
        x, y = pixels[0].tolist()
        (x0, y0), (x1, y1) = pixels.min(0).tolist(), (pixels.max(0) + 1).tolist()
        return PromptRequest(((x, y),), (1,), ((x0, y0, x1, y1),))

    def keep(self, result: Result, view: View | None) -> Result:
        """Return a result with the object alone, and remember where it is."""
        instances = result.lifted.instances
        if not self._id and instances:
            self._id = instances[0].id
        result = result.only(lambda each: each.id == self._id)
        for instance in result.segmentation.instances:
            self._place = _place_of(instance, result.frame, view)
        return result


def _place_of(instance: Instance, frame: Frame, view: View | None) -> _Place:
    x0, y0, x1, y1 = instance.box.astype(int)
    inside = cv2.distanceTransform(
        np.pad(instance.mask[y0:y1, x0:x1], 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    corners = [(x, y) for x in (x0, x1 - 1) for y in (y0, y1 - 1)]
    pixels = np.array([(x0 + column, y0 + row), *corners])
    points = np.full((5, 3), np.nan)
    if frame.depth is not None and frame.intrinsics is not None:
        columns, rows = pixels.T
        rays = pixel_rays(frame.intrinsics)[rows, columns].astype(np.float64)
        points = np.concatenate([rays, np.ones((5, 1))], 1) * float(frame.depth[rows[0], columns[0]])
        points = points if view is None else view.pose.apply(points)
    return _Place(pixels.astype(np.float64), points, _frame_of(view))


def _frame_of(view: View | None) -> str:
    return "" if view is None else view.fixed_frame
