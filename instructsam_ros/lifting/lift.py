"""From masks and a depth image to metric instances. Works on crops: a small object costs little."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting.box import OrientedBox, fit_box
from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.edges import flying_pixels, trim_rim
from instructsam_ros.lifting.outliers import main_body
from instructsam_ros.lifting.plane import Plane, support_plane
from instructsam_ros.lifting.rays import back_project, pixel_rays
from instructsam_ros.types import Frame, Instance, Segmentation

_PLANE_SAMPLES = 5000


@dataclass(frozen=True)
class LiftSettings:
    """How depth is trusted.

    min_depth, max_depth: metres; readings outside are no readings. rim_px: taken off the mask's
    border. relative_jump: difference of neighbouring depths, over depth, that counts as a step.
    min_cluster_share: smaller separate parts of a cloud, relative to its main part, are outliers.
    min_valid_ratio, min_points: below either an instance has low_depth. plane_tolerance: metres;
    min_plane_ratio: share of the scene that a support plane covers at least. scene_margin_px:
    how far the targets are widened before they are cut out of the scene cloud.
    """

    min_depth: float = 0.1
    max_depth: float = 10.0
    rim_px: int = 2
    relative_jump: float = 0.02
    min_cluster_share: float = 0.1
    min_valid_ratio: float = 0.2
    min_points: int = 20
    plane_tolerance: float = 0.01
    min_plane_ratio: float = 0.1
    scene_margin_px: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.min_depth < self.max_depth:
            raise ConfigError(
                f"min_depth {self.min_depth} and max_depth {self.max_depth} (metres) leave no range"
            )
        for name in ("min_cluster_share", "min_valid_ratio", "min_plane_ratio"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is a share between 0 and 1")
        for name in ("relative_jump", "plane_tolerance"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be positive")
        for name in ("rim_px", "min_points", "scene_margin_px"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it cannot be negative")


@dataclass(frozen=True)
class LiftedInstance:
    """One instance in metres, in the optical frame of the image.

    instance: its 2D part. id: stable over a stream when a tracker assigns it, else counted from 1.
    points: float32 [N, 3]; colors: uint8 [N, 3] RGB. centroid: float64 [3], mean of the points, NaN
    without points. box: around the points, or None without points. valid_depth_ratio: valid
    readings over mask pixels. truncated: the mask touches the image border, so sizes are lower
    bounds. low_depth: too few readings to rely on the geometry. no_depth: the frame had no depth
    or no camera model.
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
        """Whether the box stands on a detected support plane."""
        return self.box is not None and self.box.on_plane


@dataclass(frozen=True)
class LiftedScene:
    """The instances in the order of the segmentation, and the plane that they stand on, if found."""

    instances: tuple[LiftedInstance, ...]
    plane: Plane | None


def lift(
    frame: Frame,
    segmentation: Segmentation,
    settings: LiftSettings | None = None,
    *,
    up: NDArray[np.float64] | None = None,
) -> LiftedScene:
    """Lift every instance; one without depth is kept and flagged, never dropped.

    up: direction away from the ground in the optical frame, when it is known; else the support
    plane is found without it. Raises InvalidInputError for an unknown distortion model.
    """
    settings = settings or LiftSettings()
    instances = tuple(
        _lift_points(frame, instance, number, settings)
        for number, instance in enumerate(segmentation.instances, 1)
    )
    clouds = [i.points for i in instances if not i.low_depth]
    if not clouds:
        return LiftedScene(tuple(_with_box(i, None, up, settings) for i in instances), None)
    plane = support_plane(
        _sampled_scene(frame, segmentation, settings),
        clouds,
        tolerance=settings.plane_tolerance,
        minimum_ratio=settings.min_plane_ratio,
        up=up,
    )
    return LiftedScene(tuple(_with_box(i, plane, up, settings) for i in instances), plane)


def scene_points(
    frame: Frame, segmentation: Segmentation, settings: LiftSettings | None = None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The scene without the targets, e.g. for collision checking: points [N, 3] metres, colors [N, 3].

    Empty when the frame has no depth or camera model.
    """
    settings = settings or LiftSettings()
    if frame.depth is None or frame.camera is None:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    depth = within_range(frame.depth, settings.min_depth, settings.max_depth)
    depth[flying_pixels(depth, settings.relative_jump) | _targets(frame, segmentation, settings)] = np.nan
    points = back_project(depth, pixel_rays(frame.camera))
    kept = np.isfinite(points[..., 0])
    return points[kept], frame.rgb[kept]


def _lift_points(frame: Frame, instance: Instance, number: int, settings: LiftSettings) -> LiftedInstance:
    """The cloud of one instance; its box needs the support plane and comes later."""
    window = _window(instance)
    mask = instance.mask[window]
    rows, columns = np.nonzero(mask[:0])
    depth = np.zeros(0, np.float32)
    readings, area = 0, int(np.count_nonzero(mask))
    no_depth = frame.depth is None or frame.camera is None
    if frame.depth is not None and frame.camera is not None and area:
        rays = pixel_rays(frame.camera)[window]
        metres = within_range(frame.depth[window], settings.min_depth, settings.max_depth)
        metres[np.isnan(rays[..., 0])] = np.nan
        readings = int(np.count_nonzero(mask & np.isfinite(metres)))
        rows, columns = np.nonzero(_trusted(mask, metres, settings))
        depth = metres[rows, columns]
        body = main_body(
            rows,
            columns,
            depth,
            relative_step=settings.relative_jump,
            minimum_share=settings.min_cluster_share,
        )
        rows, columns, depth = rows[body], columns[body], depth[body]
        points = back_project(depth, rays[rows, columns])
    else:
        points = np.zeros((0, 3), np.float32)
    ratio = readings / area if area else 0.0
    return LiftedInstance(
        instance=instance,
        id=number,
        points=points,
        colors=frame.rgb[window][rows, columns],
        centroid=points.mean(0, dtype=np.float64) if len(points) else np.full(3, np.nan),
        box=None,
        valid_depth_ratio=ratio,
        truncated=_touches_border(instance.mask),
        low_depth=ratio < settings.min_valid_ratio or len(points) < max(settings.min_points, 1),
        no_depth=no_depth,
    )


def _with_box(
    lifted: LiftedInstance, plane: Plane | None, up: NDArray[np.float64] | None, settings: LiftSettings
) -> LiftedInstance:
    box = fit_box(lifted.points, plane=plane, up=up, tolerance=settings.plane_tolerance)
    return replace(lifted, box=box)


def _window(instance: Instance) -> tuple[slice, slice]:
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


def _touches_border(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _targets(frame: Frame, segmentation: Segmentation, settings: LiftSettings) -> NDArray[np.bool_]:
    """The pixels of all targets, widened by the margin, bool [H, W]."""
    targets = np.zeros(frame.rgb.shape[:2], np.uint8)
    for instance in segmentation.instances:
        window = _window(instance)
        targets[window] |= instance.mask[window]
    width = 2 * settings.scene_margin_px + 1
    return np.asarray(cv2.dilate(targets, np.ones((width, width), np.uint8)), bool)


def _sampled_scene(frame: Frame, segmentation: Segmentation, settings: LiftSettings) -> NDArray[np.float32]:
    """Some thousand points [N, 3] of the scene without the targets, on a regular grid of pixels."""
    if frame.depth is None or frame.camera is None:
        return np.zeros((0, 3), np.float32)
    stride = max(1, round((frame.depth.size / _PLANE_SAMPLES) ** 0.5))
    grid = (slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    depth = within_range(frame.depth[grid], settings.min_depth, settings.max_depth)
    depth[_targets(frame, segmentation, settings)[grid]] = np.nan
    points = back_project(depth, pixel_rays(frame.camera)[grid])
    return points[np.isfinite(points[..., 0])]
