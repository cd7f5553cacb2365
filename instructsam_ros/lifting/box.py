"""Oriented bounding boxes of point clouds."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.plane import Plane, rests_on
from instructsam_ros.lifting.rotation import quaternion

_REFINEMENTS = 20
# Points from which the axes are computed; the extents are those of all points.
_SEARCHED_POINTS = 4000
# Metres added to every edge when volumes are compared, so that flat clouds are compared by area.
_THICKNESS = 1e-3


@dataclass(frozen=True)
class OrientedBox:
    """centre: float64 [3] in metres. rotation: float64 [3, 3], its columns are the axes, right-handed.

    size: float64 [3], full edge lengths in metres along the axes. on_plane: z is the normal of
    the support plane and the box rests on it.
    """

    centre: NDArray[np.float64]
    rotation: NDArray[np.float64]
    size: NDArray[np.float64]
    on_plane: bool = False

    @property
    def quaternion(self) -> NDArray[np.float64]:
        """Return the orientation as x y z w, float64 [4], of unit length, w >= 0."""
        return quaternion(self.rotation)

    def corners(self) -> NDArray[np.float64]:
        """Return the eight corners, float64 [8, 3]; bit i of the row index is the side of axis i."""
        signs = np.array([[(i >> axis & 1) - 0.5 for axis in range(3)] for i in range(8)])
        return self.centre + (signs * self.size) @ self.rotation.T


def fit_box(
    points: NDArray[np.floating],
    *,
    plane: Plane | None = None,
    up_direction: NDArray[np.float64] | None = None,
    tolerance: float = 0.01,
    least_edge: float = 0.0,
) -> OrientedBox | None:
    """Fit a small box that contains all points [N, 3], in metres; return None for no points.

    With a plane, z is its normal, x and y the minimum-area rectangle of the points projected along it (x
    the longer edge), and the box extends down to the plane when the object rests on it (within
    ``tolerance``, see rests_on). With ``up_direction`` alone z is up. With neither, the axes approximate
    those of minimum volume, sorted from x, the longest, to z, the shortest, with z towards the camera.
    The sign of x is chosen so that it points to the right of the image. No edge is shorter than
    ``least_edge`` metres: an object is as thick as what its points were measured with can tell.
    """
    if not len(points):
        return None
    cloud = points.astype(np.float64)
    sample = np.ascontiguousarray(cloud[:: len(cloud) // _SEARCHED_POINTS + 1])
    direction = plane.normal if plane is not None else up_direction
    if direction is None:
        rotation = _sorted_axes(_least_volume(sample), sample)
    else:
        x, y, z = _axes_around(direction / np.linalg.norm(direction), sample)
        if np.ptp(sample @ x) < np.ptp(sample @ y):
            x = y
        x = _to_the_right(x)
        rotation = np.stack([x, np.cross(z, x), z], axis=1)
    local = rotation.T @ cloud.T
    low, high = local.min(1), local.max(1)
    resting = plane is not None and rests_on(plane, sample, tolerance)
    if plane is not None and resting:
        low[2] = min(low[2], plane.offset)
    missing = np.maximum(least_edge - (high - low), 0.0)
    below = missing * (0.5, 0.5, 0.0 if resting else 0.5)
    low, high = low - below, high + missing - below
    return OrientedBox(rotation @ ((low + high) / 2), rotation, high - low, resting)


def _least_volume(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the axes [3, 3], one per row, of a box of small volume.

    Coordinate descent from the principal axes: one axis is fixed and the others are those of the
    minimum-area rectangle around it. This converges to a box with a face along a flat side of the cloud.
    """
    best = np.linalg.eigh(np.cov(points.T) if len(points) > 1 else np.eye(3))[1].T
    volume = _volume(points, best)
    for _ in range(_REFINEMENTS):
        candidates = [np.stack(_axes_around(axis, points)) for axis in best]
        volumes = [_volume(points, axes) for axes in candidates]
        smallest = int(np.argmin(volumes))
        if volumes[smallest] >= volume * (1 - 1e-4):
            break
        best, volume = candidates[smallest], volumes[smallest]
    return best


def _axes_around(
    z: NDArray[np.float64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return x, y, z, right-handed, x and y along the minimum-area rectangle of the points seen along z."""
    x = np.cross(np.eye(3)[np.argmin(np.abs(z))], z)
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    flat = np.stack([points @ x, points @ y], axis=1)
    angle = np.radians(cv2.minAreaRect((flat - flat.mean(0)).astype(np.float32))[2])
    rotated = np.cos(angle) * x + np.sin(angle) * y
    return rotated, np.cross(z, rotated), z


def _sorted_axes(axes: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Build a rotation [3, 3] from axes in rows: x longest, z shortest and towards the camera."""
    x, _, z = axes[np.argsort(-np.ptp(points @ axes.T, axis=0), kind="stable")]
    if z[2] > 0:
        z = -z
    x = _to_the_right(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _to_the_right(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the axis or its opposite, whichever points right in the image; downwards if it is vertical."""
    leading = axis[0] if abs(axis[0]) > 1e-6 else axis[1] + axis[2]
    return -axis if leading < 0 else axis


def _volume(points: NDArray[np.float64], axes: NDArray[np.float64]) -> float:
    return float(np.prod(np.ptp(points @ axes.T, axis=0) + _THICKNESS))
