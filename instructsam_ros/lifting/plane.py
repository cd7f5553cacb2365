"""Support plane estimation by RANSAC (Fischler and Bolles, 1981) with a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.types import Pose

# Of 2000 triples two are expected on a plane with a tenth of the points. All are ranked on a few
# points, the best of them on many.
_HYPOTHESES = 2000
_RANKED_ON = 300
_FINALISTS = 30
_SCORED_ON = 3000
_QUANTILES = np.array([0.02, 0.5, 0.98])
_VOTED_AT_ONCE = 256
"""Planes whose distances from 300 points fit into a processor's cache."""
_MAX_PLANES = 3
_MAX_TILT = np.cos(np.radians(15.0))
_SEED = 7
_ALONG_X = 0.99
"""Component of a normal along x from which x has no direction on the plane."""


@dataclass(frozen=True)
class Plane:
    """Plane of points p with ``normal @ p == offset``, in the optical frame.

    normal: float64 [3], of unit length, pointing up, or to the camera where up_direction is not known.
    offset: metres. inlier_ratio: share of the scene's points on the plane, 0..1.
    """

    normal: NDArray[np.float64]
    offset: float
    inlier_ratio: float

    def height(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the signed distances [...] of points [..., 3] in metres, positive above the plane."""
        return np.asarray(points @ self.normal - self.offset, np.float64)

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """Return a b c d, float64 [4], with a x + b y + c z + d the height of a point."""
        return np.append(self.normal, -self.offset)

    def moved(self, pose: Pose) -> Plane:
        """Return the plane in another frame, in which ``pose`` is that of this one."""
        normal = pose.rotation @ self.normal
        return Plane(normal, self.offset + float(normal @ pose.translation), self.inlier_ratio)

    def pose_below(self, point: NDArray[np.float64]) -> Pose:
        """Return a frame on the plane, in the optical frame: its origin is below a point [3], z the normal,
        and x points as far to the right of the image as it can.
        """
        towards = np.array([1.0, 0.0, 0.0]) if abs(self.normal[0]) < _ALONG_X else np.array([0.0, 1.0, 0.0])
        x = _unit(towards - (towards @ self.normal) * self.normal)
        rotation = np.stack([x, np.cross(self.normal, x), self.normal], axis=1)
        return Pose(rotation, point - (self.normal @ point - self.offset) * self.normal)


def fit_plane(
    points: NDArray[np.floating],
    *,
    tolerance: float,
    minimum_ratio: float,
    up_direction: NDArray[np.float64] | None = None,
) -> Plane | None:
    """Fit the dominant plane of points [N, 3] in metres; None where no plane has ``minimum_ratio`` of them.

    Inliers are points within ``tolerance`` metres. up_direction: a direction in the optical frame; with it
    only planes within 15 degrees of horizontal are accepted.
    """
    if len(points) < 3:
        return None
    cloud = points.astype(np.float64)
    random = np.random.default_rng(_SEED)
    scored = cloud[random.permutation(len(cloud))[:_SCORED_ON]]
    normals, offsets = _hypotheses(cloud, random)
    if up_direction is not None:
        level = np.abs(normals @ _unit(up_direction)) >= _MAX_TILT
        normals, offsets = normals[level], offsets[level]
    if not len(normals):
        return None
    votes = _votes(scored[:_RANKED_ON], normals, offsets, tolerance)
    finalists = np.argsort(-votes, kind="stable")[:_FINALISTS]
    best = finalists[_votes(scored, normals[finalists], offsets[finalists], tolerance).argmax()]
    normal, offset = normals[best], float(offsets[best])
    for _ in range(3):  # least squares on the inliers, then inliers again
        inliers = cloud[np.abs(cloud @ normal - offset) < tolerance]
        if len(inliers) < 3:
            return None
        centre = inliers.mean(0)
        inliers -= centre
        normal = np.linalg.svd(inliers.T @ inliers)[0][:, 2]
        offset = float(normal @ centre)
    ratio = float((np.abs(cloud @ normal - offset) < tolerance).mean())
    if ratio < minimum_ratio or (up_direction is not None and abs(normal @ _unit(up_direction)) < _MAX_TILT):
        return None
    # Without up_direction the camera is assumed to be above the plane.
    flipped = normal @ up_direction < 0 if up_direction is not None else offset > 0
    return Plane(-normal, -offset, ratio) if flipped else Plane(normal, offset, ratio)


def support_plane(
    scene: NDArray[np.floating],
    objects: Sequence[NDArray[np.floating]],
    *,
    tolerance: float,
    minimum_ratio: float,
    up_direction: NDArray[np.float64] | None = None,
) -> Plane | None:
    """Estimate the plane of the scene that supports the objects; None if there is none.

    scene: points [N, 3] without the objects; objects: one cloud [M, 3] each. Without ``up_direction`` the
    dominant plane may be a wall behind the objects, so several planes are fitted one after another. The
    one that supports the most objects is chosen, and of equals the one with the smallest median gap to
    them: a wall has a gap behind the object. Without objects it is the dominant plane.
    """
    remaining, total = scene, len(scene)
    best: tuple[tuple[int, float], Plane] | None = None
    for _ in range(_MAX_PLANES):
        if len(remaining) < minimum_ratio * total:
            break
        plane = fit_plane(
            remaining, tolerance=tolerance, minimum_ratio=minimum_ratio, up_direction=up_direction
        )
        if plane is None:
            break
        whole = Plane(plane.normal, plane.offset, plane.inlier_ratio * len(remaining) / total)
        if not objects:
            return whole
        heights = [_heights(plane, cloud) for cloud in objects if len(cloud)]
        # The lowest visible points of an object are this far from the plane.
        gaps = [abs(low) for low, middle, high in heights if _rests(low, middle, high, tolerance)]
        if gaps:
            rank = -len(gaps), float(np.median(gaps))
            best = (rank, whole) if best is None else min(best, (rank, whole), key=lambda pair: pair[0])
        if up_direction is not None and gaps:
            break
        remaining = remaining[np.abs(plane.height(remaining)) >= tolerance]
    return None if best is None else best[1]


def rests_on(plane: Plane, points: NDArray[np.floating], tolerance: float) -> bool:
    """Return whether an object with the visible points [N, 3] rests on ``plane``.

    The bottom of an object is rarely visible, so the gap below the points may be as large as their extent
    in height. Half of the points must be above the plane.
    """
    if not len(points):
        return False
    return _rests(*_heights(plane, points), tolerance)


def _rests(low: float, middle: float, high: float, tolerance: float) -> bool:
    """Judge by the heights of the lowest, middle and highest points, metres."""
    return middle > -tolerance and -2 * tolerance <= low <= max(2 * tolerance, high - low)


def _heights(plane: Plane, points: NDArray[np.floating]) -> tuple[float, float, float]:
    """Compute the 2 %, 50 % and 98 % quantiles of the heights of points above a plane, metres."""
    sample = points[:: len(points) // _SCORED_ON + 1]
    ordered = np.sort(plane.height(sample))
    # As np.quantile has it, in less than half of the time.
    last = len(ordered) - 1
    low, middle, high = np.interp(last * _QUANTILES, np.arange(last + 1), ordered)
    return float(low), float(middle), float(high)


def _hypotheses(
    points: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute planes through random triples: unit normals [K, 3] and offsets [K]."""
    a, b, c = points[random.integers(len(points), size=(3, _HYPOTHESES))]
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    spread = length > 1e-9  # the three points are not collinear
    normals = normals[spread] / length[spread, None]
    return normals, np.einsum("kd,kd->k", normals, a[spread])


def _votes(
    points: NDArray[np.float64], normals: NDArray[np.float64], offsets: NDArray[np.float64], tolerance: float
) -> NDArray[np.intp]:
    """Count the inliers among points [N, 3] of each of K planes, [K]."""
    votes = np.empty(len(normals), np.intp)
    for start in range(0, len(normals), _VOTED_AT_ONCE):
        some = slice(start, start + _VOTED_AT_ONCE)
        distances = points @ normals[some].T
        distances -= offsets[some]  # in place, because allocation costs more than the arithmetic
        np.abs(distances, out=distances)
        votes[some] = (distances < tolerance).view(np.uint8).sum(0, dtype=np.uint32)
    return votes


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))
