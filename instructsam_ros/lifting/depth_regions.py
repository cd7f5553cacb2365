"""Regions of a depth image that stand out from a plane, cut where surfaces meet or hide each other.

A scene of things on a table falls apart along its concave creases (as in Stein et al., Object Partitioning
using Local Convexity, 2014): where one thing touches another or the table, and where one hides what is
farther away. An object is one region, or a few. Large images are averaged first: depth has no finer edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.plane import Plane

_SMOOTHING_PX = 5
_MIN_READ_SHARE = 0.3  # of a smoothing window, below which a pixel has no depth
_REACH_PX = 4  # over it depths are compared on both sides of a crease, and regions take their rim back
_CREASE = 0.003  # depth beyond the mean of two opposite neighbours, relative to depth
_NOISE_FACTOR = 2.5  # heights of less than so many deviations of the plane's own points do not stand out
_MIN_PX = 40
_OPPOSITE = ((0, _REACH_PX), (_REACH_PX, 0), (_REACH_PX, _REACH_PX), (_REACH_PX, -_REACH_PX))


def standing_regions(
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    plane: Plane,
    *,
    stride: int,
    min_height: float,
    plane_tolerance: float,
) -> NDArray[np.uint16]:
    """Label the regions that stand out from ``plane``, uint16 [H, W], 0 for none.

    depth: metres [H, W], NaN where there is no reading. rays: of unit depth [H, W, 2]. stride: regions are
    computed on averages of so many pixels squared. min_height: metres; more where the plane's own points,
    those within ``plane_tolerance`` metres, scatter more.
    """
    height, width = depth.shape
    size = (-(-width // stride), -(-height // stride))
    coarse, read = _average(depth, size)
    above = _heights(coarse, cv2.resize(rays, size, interpolation=cv2.INTER_NEAREST), plane)
    on_plane = np.abs(_heights(depth[::4, ::4], rays[::4, ::4], plane))
    on_plane = on_plane[on_plane < plane_tolerance]
    noise = 1.4826 * float(np.median(on_plane)) if len(on_plane) else 0.0
    stands = read & (above > max(min_height, _NOISE_FACTOR * noise))
    core = (stands & ~_creases(coarse)).view(np.uint8)
    core = cv2.morphologyEx(core, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, label, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=4)
    label[(stats[:, cv2.CC_STAT_AREA] < _MIN_PX)[label]] = 0
    regions = _with_rim(label, stands).astype(np.uint16)
    return np.asarray(cv2.resize(regions, (width, height), interpolation=cv2.INTER_NEAREST), np.uint16)


def _average(
    depth: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Average depth to (w, h) pixels and smooth it, float32 [h, w] with NaN where there are few readings.

    The second array, bool [h, w], holds where there are readings at all: missing ones often lie between
    things, and the average around them must not join these.
    """
    valid = np.isfinite(depth)
    total = cv2.resize(np.where(valid, depth, np.float32(0)), size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    around = cv2.blur(share, (_SMOOTHING_PX, _SMOOTHING_PX))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = cv2.blur(total, (_SMOOTHING_PX, _SMOOTHING_PX)) / around
    return np.where(around > _MIN_READ_SHARE, mean, np.float32(np.nan)), share > 0.5


def _heights(depth: NDArray[np.float32], rays: NDArray[np.float32], plane: Plane) -> NDArray[np.float32]:
    """Compute the heights above a plane, metres [H, W]."""
    x, y, z = plane.normal.astype(np.float32)
    return np.asarray(depth * (rays[..., 0] * x + rays[..., 1] * y + z) - np.float32(plane.offset))


def _creases(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Detect pixels that lie farther away than the surface on both sides of them, bool [H, W]."""
    height, width = depth.shape
    r = _REACH_PX
    padded = np.full((height + 2 * r, width + 2 * r), np.nan, np.float32)
    padded[r:-r, r:-r] = depth
    limit = depth * np.float32(2 - 2 * _CREASE)
    found = np.zeros(depth.shape, bool)
    for dy, dx in _OPPOSITE:
        ahead = padded[r + dy : r + dy + height, r + dx : r + dx + width]
        behind = padded[r - dy : r - dy + height, r - dx : r - dx + width]
        found |= ahead + behind < limit
    return found


def _with_rim(label: NDArray[np.int32], stands: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give standing pixels within reach of a region to the nearest one, int32 [H, W]."""
    if not label.any():
        return label
    distance, nearest = cv2.distanceTransformWithLabels(
        (label == 0).view(np.uint8), cv2.DIST_C, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    region_of = np.zeros(int(nearest.max()) + 1, np.int32)
    inside = label > 0
    region_of[nearest[inside]] = label[inside]
    return np.where(stands & (distance <= _REACH_PX), region_of[nearest], np.int32(0))
