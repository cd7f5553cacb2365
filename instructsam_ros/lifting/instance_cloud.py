"""The point cloud of one instance from the depth readings of its mask, computed on a crop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.edges import flying_pixels, trim_rim
from instructsam_ros.lifting.outliers import main_body, without_neighbours
from instructsam_ros.lifting.plane import Plane, rests_on
from instructsam_ros.lifting.projection import back_project, pixel_rays
from instructsam_ros.lifting.settings import LiftSettings
from instructsam_ros.types import Frame, Instance

STAGES = ("raw", "own", "reliable", "body")
"""What is left after each step: all readings of the mask, those of no other object, those away from the rim
and from depth edges, and those without outliers."""
# An object of at least this many tolerances in height is separated from its support plane.
_TALL = 3
# Plane points are removed within this multiple of rim_px from the mask's border.
_RIM_REACH = 4
# Square pixels, across a line of pixels; at most 1/12 for one pixel's width, 1/4 for two.
_LINE_VARIANCE = 0.15


@dataclass(frozen=True)
class InstanceCloud:
    """pixels: flat indices [N] into the image. points: [N, 3] metres. valid_ratio: of the mask's pixels."""

    pixels: NDArray[np.intp]
    points: NDArray[np.float32]
    valid_ratio: float

    def low_depth(self, settings: LiftSettings) -> bool:
        """Return whether there are too few readings to rely on the geometry."""
        return self.valid_ratio < settings.min_valid_ratio or len(self.points) < max(settings.min_points, 1)

    def is_line(self, image_width: int) -> bool:
        """Return whether the pixels lie in a line of one pixel's width, so that one extent is not known."""
        rows, columns = np.divmod(self.pixels, image_width)
        if not len(rows) or len(rows) > np.ptp(rows) + np.ptp(columns) + 2:
            return False
        across = np.linalg.eigvalsh(np.cov(rows, columns, bias=True))[0]
        return bool(across < _LINE_VARIANCE)


def instance_cloud(
    frame: Frame, instance: Instance, settings: LiftSettings, until: str = STAGES[-1]
) -> InstanceCloud:
    """Compute the points of one instance without flying pixels, rim, outliers and neighbouring objects.

    until: the last of STAGES to compute, an earlier one to look at.
    """
    steps = STAGES.index(until)
    window = window_of(instance)
    mask = instance.mask[window]
    area = int(np.count_nonzero(mask))
    if frame.depth is None or frame.intrinsics is None or not area:
        return InstanceCloud(np.zeros(0, np.intp), np.zeros((0, 3), np.float32), 0.0)
    rays = pixel_rays(frame.intrinsics)
    depth = within_range(frame.depth[window], settings.min_depth, settings.max_depth)
    depth[np.isnan(rays[window][..., 0])] = np.nan
    # Flat indices with take() are several times as fast as pairs of row and column.
    own = without_neighbours(mask, depth, settings.relative_jump) if steps >= 1 else mask
    chosen = np.flatnonzero(_reliable(own, depth, settings) if steps >= 2 else own & np.isfinite(depth))
    rows, columns = np.divmod(chosen, mask.shape[1])
    readings = depth.take(chosen)
    pixels = (rows + window[0].start) * frame.intrinsics.width + columns + window[1].start
    if steps >= 3:
        body = main_body(
            rows,
            columns,
            readings,
            relative_step=settings.relative_jump,
            minimum_share=settings.min_cluster_share,
        )
        pixels, readings = pixels[body], readings[body]
    points = back_project(readings, rays.reshape(-1, 2).take(pixels, axis=0))
    return InstanceCloud(pixels, points, np.count_nonzero(mask & np.isfinite(depth)) / area)


def without_plane(
    cloud: InstanceCloud, instance: Instance, plane: Plane | None, settings: LiftSettings
) -> InstanceCloud:
    """Remove points of the support plane that a mask includes around the object.

    Only near the mask's border, so that the bottom of a bowl is kept, and only for an object that
    is clearly taller than the tolerance, so that a fork is kept.
    """
    if plane is None or not rests_on(plane, cloud.points, settings.plane_tolerance):
        return cloud
    height = plane.height(cloud.points)
    if height.max() < _TALL * settings.plane_tolerance:
        return cloud
    window = window_of(instance)
    reach = 2 * _RIM_REACH * settings.rim_px + 1
    inner = cv2.erode(instance.mask[window].astype(np.uint8), np.ones((reach, reach), np.uint8))
    low = np.flatnonzero(height <= settings.plane_tolerance)
    rows, columns = np.divmod(cloud.pixels[low], instance.mask.shape[1])
    near_border = inner[rows - window[0].start, columns - window[1].start] == 0
    keep = np.delete(np.arange(len(height)), low[near_border])
    return InstanceCloud(cloud.pixels[keep], cloud.points.take(keep, axis=0), cloud.valid_ratio)


def window_of(instance: Instance) -> tuple[slice, slice]:
    """Return rows and columns of the instance's box, extended by one pixel within the image."""
    x0, y0, x1, y1 = (int(v) for v in instance.box)
    return slice(max(y0 - 1, 0), y1 + 1), slice(max(x0 - 1, 0), x1 + 1)


def _reliable(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], settings: LiftSettings
) -> NDArray[np.bool_]:
    """Select pixels of the mask with a reliable depth; all valid ones if trimming leaves none."""
    valid = mask & np.isfinite(depth)
    reliable = trim_rim(mask, settings.rim_px) & valid & ~flying_pixels(depth, settings.relative_jump)
    return reliable if reliable.any() else valid
