"""What a grasp planner asks about an instance: widths, heights, free approaches, and how sure its box is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.box import OrientedBox
from instructsam_ros.lifting.lift import LiftedInstance
from instructsam_ros.lifting.plane import Plane
from instructsam_ros.lifting.projection import project
from instructsam_ros.types import CameraModel, Frame

DEPTH_NOISE = 0.0025
"""Standard deviation of a reading is this times the square of its depth, metres; that of a stereo camera
with a baseline of 50 mm at 640 px focal length and 0.08 px of disparity.
"""
REACH = 0.10
"""Metres before a face that have to be free."""
CLEARANCE = 0.005
"""Metres by which the camera must see past a place for it to be free."""
_ACROSS = np.linspace(-0.3, 0.3, 4)
_CORRIDOR = np.array(np.meshgrid(_ACROSS, _ACROSS, np.linspace(0.1, 1.0, 6) * REACH)).reshape(3, -1)
"""Places before a face, [3, places]: across it in edges from its centre, and metres along its normal."""
_FREE_SHARE = 0.95
_KNOWN_SHARE = 0.5
_FACING = 0.5
"""Cosine between an axis and the ray from which the face at the far end cannot be seen."""
_HIDDEN_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class GraspGeometry:
    """Of one instance, in the optical frame.

    widths: float64 [3], extents of the points along the axes of the box, metres. top, bottom: heights of the
    highest and lowest point above the support plane, metres, NaN without plane. approaches: float64 [n, 3],
    unit vectors towards the box along its axes that are seen to be free. centre_covariance: float64 [3, 3],
    square metres. size_stddev: float64 [3], standard deviation of the edges, metres.
    """

    widths: NDArray[np.float64]
    top: float
    bottom: float
    approaches: NDArray[np.float64]
    centre_covariance: NDArray[np.float64]
    size_stddev: NDArray[np.float64]


def grasp_geometry(frame: Frame, lifted: LiftedInstance, plane: Plane | None) -> GraspGeometry | None:
    """Describe an instance of ``lift`` on its frame for grasping; None for one without points.

    Only the side towards the camera is seen: widths across the line of sight are those of the object, along
    it they are lower bounds, which the standard deviations tell.
    """
    box = lifted.box
    if box is None or frame.depth is None or frame.intrinsics is None:
        return None
    heights = plane.height(lifted.points) if plane is not None else np.array([np.nan])
    covariance, size_stddev = box_uncertainty(box, frame.intrinsics)
    return GraspGeometry(
        widths=np.ptp(box.rotation.T @ lifted.points.T, axis=1),  # along rows, several times as fast
        top=float(heights.max()),
        bottom=float(heights.min()),
        approaches=free_approaches(frame.depth, frame.intrinsics, box, plane),
        centre_covariance=covariance,
        size_stddev=size_stddev,
    )


def free_approaches(
    depth: NDArray[np.float32], intrinsics: CameraModel, box: OrientedBox, plane: Plane | None
) -> NDArray[np.float64]:
    """Return the unit vectors [n, 3] against the outward normals of the box's faces that can be reached.

    A corridor of REACH metres before the face, as wide as the middle of the face, has to be free: the camera
    sees past 95 % of the places in it that it has readings for, which are at least half, and all of it is
    above the plane. What is hidden, as behind the object, is not free.
    """
    edges = box.rotation.T * box.size[:, None]
    outward = np.concatenate([box.rotation.T, -box.rotation.T])
    faces = box.centre + np.concatenate([edges, -edges]) / 2
    first, second = (np.tile(np.roll(edges, -shift, axis=0), (2, 1)) for shift in (1, 2))
    u, v, w = _CORRIDOR[..., None]
    corridors = (
        faces[:, None] + u * first[:, None] + v * second[:, None] + w * outward[:, None]
    )  # [6, places, 3]
    seen, known = _seen_past(corridors.reshape(-1, 3), depth, intrinsics)
    past, told = (flags.reshape(len(outward), -1).sum(1) for flags in (seen, known))
    free = (told >= _KNOWN_SHARE * corridors.shape[1]) & (past >= _FREE_SHARE * told)
    if plane is not None:
        free &= (plane.height(corridors) > 0).all(1)
    return np.asarray(-outward[free])


def _seen_past(
    places: NDArray[np.float64], depth: NDArray[np.float32], intrinsics: CameraModel
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of which places [N, 3] the camera sees past, and for which it has a reading, bool [N]."""
    columns, rows = np.rint(np.nan_to_num(project(places, intrinsics), nan=-1.0)).T
    inside = (columns >= 0) & (columns < depth.shape[1]) & (rows >= 0) & (rows < depth.shape[0])
    readings = np.full(len(places), np.nan, np.float32)
    readings[inside] = depth[rows[inside].astype(int), columns[inside].astype(int)]
    known = np.isfinite(readings) & (readings > 0)
    return known & (readings > places[:, 2] + CLEARANCE), known


def box_uncertainty(
    box: OrientedBox, intrinsics: CameraModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the covariance of the centre [3, 3] and the standard deviations of the edges [3], metres.

    A face that is seen is as sure as one reading: DEPTH_NOISE times depth squared along the ray, half a
    pixel's footprint across it. The far face of an axis within 60 degrees of the ray is not seen; it may be
    further away by a quarter of the mean of the other two edges, times the cosine. A box that rests on the
    plane has its lower face there.
    """
    distance = float(np.linalg.norm(box.centre))
    depth = max(float(box.centre[2]), 0.0)
    along, across = DEPTH_NOISE * depth**2, 0.5 * depth / min(intrinsics.fx, intrinsics.fy)
    cosine = np.abs(box.rotation.T @ box.centre) / max(distance, 1e-9)
    seen = (cosine * along) ** 2 + (1 - np.minimum(cosine, 1.0) ** 2) * across**2
    others = (box.size.sum() - box.size) / 2
    hidden = np.where(cosine > _FACING, (_HIDDEN_SHARE * others * cosine) ** 2, 0.0)
    if box.on_plane:
        hidden[2] = 0.0
    centre = (2 * seen + hidden) / 4
    return (box.rotation * centre) @ box.rotation.T, np.sqrt(2 * seen + hidden)
