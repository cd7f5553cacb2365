"""The cloud of one instance: which of its mask's depth readings are the object's. Works on crops."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.edges import flying_pixels, trim_rim
from instructsam_ros.lifting.outliers import main_body
from instructsam_ros.lifting.plane import Plane, stands_on
from instructsam_ros.lifting.rays import back_project, pixel_rays
from instructsam_ros.lifting.settings import LiftSettings
from instructsam_ros.types import Frame, Instance

# An object this many tolerances tall is told from the plane that it stands on.
_TALL = 3
# A mask's border is searched for the plane this many times as deep as it is trimmed.
_RIM_REACH = 4
# Points that tell how tall an object is.
_SAMPLE = 2000


@dataclass(frozen=True)
class InstanceCloud:
    """rows, columns: pixels [N] of the full image. points: [N, 3] metres. valid_ratio: readings over mask."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    points: NDArray[np.float32]
    valid_ratio: float

    def low_depth(self, settings: LiftSettings) -> bool:
        """Whether there are too few readings to rely on the geometry."""
        return self.valid_ratio < settings.min_valid_ratio or len(self.points) < max(settings.min_points, 1)

    def only(self, keep: NDArray[np.bool_]) -> InstanceCloud:
        """The points where ``keep``, bool [N], is true."""
        return InstanceCloud(self.rows[keep], self.columns[keep], self.points[keep], self.valid_ratio)


def instance_cloud(frame: Frame, instance: Instance, settings: LiftSettings) -> InstanceCloud:
    """The points of one instance without flying pixels, rim and outliers."""
    window = window_of(instance)
    mask = instance.mask[window]
    area = int(np.count_nonzero(mask))
    if frame.depth is None or frame.camera is None or not area:
        nothing = np.zeros(0, np.intp)
        return InstanceCloud(nothing, nothing, np.zeros((0, 3), np.float32), 0.0)
    rays = pixel_rays(frame.camera)[window]
    depth = within_range(frame.depth[window], settings.min_depth, settings.max_depth)
    depth[np.isnan(rays[..., 0])] = np.nan
    rows, columns = np.nonzero(_trusted(mask, depth, settings))
    body = main_body(
        rows,
        columns,
        depth[rows, columns],
        relative_step=settings.relative_jump,
        minimum_share=settings.min_cluster_share,
    )
    rows, columns = rows[body], columns[body]
    points = back_project(depth[rows, columns], rays[rows, columns])
    valid_ratio = np.count_nonzero(mask & np.isfinite(depth)) / area
    return InstanceCloud(rows + window[0].start, columns + window[1].start, points, valid_ratio)


def without_plane(
    cloud: InstanceCloud, instance: Instance, plane: Plane | None, settings: LiftSettings
) -> InstanceCloud:
    """Take out what a mask drawn too wide has caught of the plane around the object.

    Only near the mask's border, so that the bottom of a bowl stays, and only for an object that
    is clearly taller than the tolerance, so that a fork stays.
    """
    if plane is None or not stands_on(plane, cloud.points, settings.plane_tolerance):
        return cloud
    sample = cloud.points[:: len(cloud.points) // _SAMPLE + 1]
    if plane.height(sample).max() < _TALL * settings.plane_tolerance:
        return cloud
    window = window_of(instance)
    reach = 2 * _RIM_REACH * settings.rim_px + 1
    inner = cv2.erode(instance.mask[window].astype(np.uint8), np.ones((reach, reach), np.uint8))
    keep = inner[cloud.rows - window[0].start, cloud.columns - window[1].start].astype(bool)
    keep[~keep] = plane.height(cloud.points[~keep]) > settings.plane_tolerance
    return cloud.only(keep) if not keep.all() else cloud


def window_of(instance: Instance) -> tuple[slice, slice]:
    """Rows and columns of the instance's box with a border of one pixel where the image has it."""
    x0, y0, x1, y1 = (int(v) for v in instance.box)
    return slice(max(y0 - 1, 0), y1 + 1), slice(max(x0 - 1, 0), x1 + 1)


def _trusted(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], settings: LiftSettings
) -> NDArray[np.bool_]:
    """Pixels of the mask with a depth that is the object's; all valid ones if trimming leaves none."""
    valid = mask & np.isfinite(depth)
    trusted = trim_rim(mask, settings.rim_px) & valid & ~flying_pixels(depth, settings.relative_jump)
    return trusted if trusted.any() else valid
