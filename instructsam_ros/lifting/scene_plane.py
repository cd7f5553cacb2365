"""The support plane of the objects of a segmentation, from a few thousand points of the scene around them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.instance_cloud import window_of
from instructsam_ros.lifting.plane import Plane, support_plane
from instructsam_ros.lifting.projection import back_project, pixel_rays
from instructsam_ros.lifting.settings import LiftSettings
from instructsam_ros.types import Frame, Segmentation

_SAMPLES = 5000


def targets_of(frame: Frame, segmentation: Segmentation, settings: LiftSettings) -> NDArray[np.bool_]:
    """Return the pixels of all targets, dilated by the margin, bool [H, W]."""
    targets = np.zeros(frame.rgb.shape[:2], np.uint8)
    for instance in segmentation.instances:
        window = window_of(instance)
        targets[window] |= instance.mask[window]
    width = 2 * settings.scene_margin_px + 1
    return np.asarray(cv2.dilate(targets, np.ones((width, width), np.uint8)), bool)


def estimate_plane(
    frame: Frame,
    segmentation: Segmentation,
    objects: list[NDArray[np.float32]],
    settings: LiftSettings,
    up_direction: NDArray[np.float64] | None,
) -> Plane | None:
    """Estimate the plane under ``objects``, points [N, 3] of each; the dominant plane where there are none.

    None without depth or intrinsics, or where no plane has enough of the scene.
    """
    if frame.depth is None or frame.intrinsics is None:
        return None
    stride = max(1, round((frame.depth.size / _SAMPLES) ** 0.5))
    grid = (slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    depth = within_range(frame.depth[grid], settings.min_depth, settings.max_depth)
    depth[targets_of(frame, segmentation, settings)[grid]] = np.nan
    points = back_project(depth, pixel_rays(frame.intrinsics)[grid])
    return support_plane(
        points[np.isfinite(points[..., 0])],
        objects,
        tolerance=settings.plane_tolerance,
        minimum_ratio=settings.min_plane_ratio,
        up_direction=up_direction,
    )


def plane_under(
    frame: Frame,
    segmentation: Segmentation,
    settings: LiftSettings,
    up_direction: NDArray[np.float64] | None,
) -> Plane | None:
    """Estimate the plane under the masks; the dominant plane where they do not reach down to one.

    None as in ``estimate_plane``.
    """
    if frame.depth is None or frame.intrinsics is None:
        return None
    depth = within_range(frame.depth, settings.min_depth, settings.max_depth).ravel()
    rays = pixel_rays(frame.intrinsics).reshape(-1, 2)
    objects = []
    for instance in segmentation.instances:
        pixels = np.flatnonzero(instance.mask)
        pixels = pixels[np.isfinite(depth[pixels])]
        if len(pixels) >= settings.min_points:
            objects.append(back_project(depth[pixels], rays[pixels]))
    plane = estimate_plane(frame, segmentation, objects, settings, up_direction)
    return plane or (estimate_plane(frame, segmentation, [], settings, up_direction) if objects else None)
