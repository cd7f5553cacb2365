"""Lifting of masks and a depth image to metric instances, their support plane and the scene cloud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.box import OrientedBox, fit_box
from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.edges import flying_pixels
from instructsam_ros.lifting.instance_cloud import InstanceCloud, instance_cloud, without_plane
from instructsam_ros.lifting.plane import Plane, rests_on
from instructsam_ros.lifting.projection import back_project, pixel_rays
from instructsam_ros.lifting.scene_plane import estimate_plane, targets_of
from instructsam_ros.lifting.settings import LiftSettings
from instructsam_ros.types import Frame, Instance, Segmentation


@dataclass(frozen=True)
class LiftedInstance:
    """One instance in metres, in the optical frame of the image.

    instance: its 2D part. id: stable over a stream when a tracker assigns it, else counted from 1.
    points: float32 [N, 3]; colors: uint8 [N, 3] RGB. centroid: float64 [3], mean of the points, NaN
    without points. box: around the points, or None without points. valid_depth_ratio: valid
    readings over mask pixels. truncated: the mask touches the image border, so sizes are lower
    bounds. low_depth: too few readings to rely on the geometry, or all in a line. no_depth: the frame
    had no depth or no intrinsics.
    """

    instance: Instance
    id: int
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    centroid: NDArray[np.float64]
    box: OrientedBox | None
    valid_depth_ratio: float
    truncated: bool
    low_depth: bool
    no_depth: bool

    @property
    def gravity_aligned(self) -> bool:
        """Whether the box rests on a detected support plane."""
        return self.box is not None and self.box.on_plane


@dataclass(frozen=True)
class LiftedScene:
    """The instances in the order of the segmentation, and their support plane, if one was found."""

    instances: tuple[LiftedInstance, ...]
    plane: Plane | None


def lift(
    frame: Frame,
    segmentation: Segmentation,
    settings: LiftSettings | None = None,
    *,
    up_direction: NDArray[np.float64] | None = None,
    plane: Plane | None = None,
) -> LiftedScene:
    """Lift every instance; instances without depth are kept and flagged.

    up_direction: direction away from the ground in the optical frame, if known. plane: one that is fitted
    already; another is fitted where no instance rests on it. Raises InvalidInputError for an unknown
    distortion model and for an ``up_direction`` without direction.
    """
    settings = settings or LiftSettings()
    if up_direction is not None and not (
        np.shape(up_direction) == (3,) and np.isfinite(up_direction).all() and np.any(up_direction)
    ):
        raise InvalidInputError(f"up_direction must be three numbers, not all zero; got {up_direction}")
    clouds = [instance_cloud(frame, instance, settings) for instance in segmentation.instances]
    objects = [cloud.points for cloud in clouds if not cloud.low_depth(settings)]
    if plane is None or not any(rests_on(plane, cloud, settings.plane_tolerance) for cloud in objects):
        plane = estimate_plane(frame, segmentation, objects, settings, up_direction) if objects else None
    lifted = []
    for number, (instance, cloud) in enumerate(zip(segmentation.instances, clouds, strict=True), 1):
        cloud = without_plane(cloud, instance, plane, settings)
        box = fit_box(
            cloud.points,
            plane=plane,
            up_direction=up_direction,
            tolerance=settings.plane_tolerance,
            least_edge=_pixel_footprint(frame, cloud.points),
        )
        lifted.append(_assemble(frame, instance, number, cloud, box, settings))
    return LiftedScene(tuple(lifted), plane)


def scene_points(
    frame: Frame, segmentation: Segmentation, settings: LiftSettings | None = None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the scene without the targets, e.g. for collision checking: points [N, 3] metres, colors [N, 3].

    Empty when the frame has no depth or intrinsics.
    """
    settings = settings or LiftSettings()
    if frame.depth is None or frame.intrinsics is None:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    depth = within_range(frame.depth, settings.min_depth, settings.max_depth)
    depth[flying_pixels(depth, settings.relative_jump) | targets_of(frame, segmentation, settings)] = np.nan
    points = back_project(depth, pixel_rays(frame.intrinsics))
    kept = np.isfinite(points[..., 0])
    return points[kept], frame.rgb[kept]


def _assemble(
    frame: Frame,
    instance: Instance,
    number: int,
    cloud: InstanceCloud,
    box: OrientedBox | None,
    settings: LiftSettings,
) -> LiftedInstance:
    points = cloud.points
    return LiftedInstance(
        instance=instance,
        id=number,
        points=points,
        colors=frame.rgb.reshape(-1, 3).take(cloud.pixels, axis=0),
        centroid=_centroid(points),
        box=box,
        valid_depth_ratio=cloud.valid_ratio,
        truncated=_touches_border(instance.mask),
        low_depth=cloud.low_depth(settings) or cloud.is_line(frame.rgb.shape[1]),
        no_depth=frame.depth is None or frame.intrinsics is None,
    )


def _centroid(points: NDArray[np.float32]) -> NDArray[np.float64]:
    if not len(points):
        return np.full(3, np.nan)
    # Axis by axis, which is ten times as fast as mean(0).
    return np.array([points[:, axis].mean(dtype=np.float64) for axis in range(3)])


def _pixel_footprint(frame: Frame, points: NDArray[np.float32]) -> float:
    """Compute the width in metres that one pixel covers at the distance of the points [N, 3]."""
    if frame.intrinsics is None or not len(points):
        return 0.0
    return float(np.median(points[:, 2])) / min(frame.intrinsics.fx, frame.intrinsics.fy)


def _touches_border(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
