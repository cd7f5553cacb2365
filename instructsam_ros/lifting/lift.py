"""From masks and a depth image to metric instances. Works on crops: a small object costs little."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting.box import OrientedBox, fit_box
from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.edges import flying_pixels, trim_rim
from instructsam_ros.lifting.outliers import main_body
from instructsam_ros.lifting.plane import Plane, stands_on, support_plane
from instructsam_ros.lifting.rays import back_project, pixel_rays
from instructsam_ros.types import Frame, Instance, Segmentation

_PLANE_SAMPLES = 5000
# An object this many tolerances tall is told from the plane that it stands on.
_TALL = 3
# A mask's border is searched for the plane this many times as deep as it is trimmed.
_RIM_REACH = 4


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
    clouds = [_cloud(frame, instance, settings) for instance in segmentation.instances]
    plane = _support(
        frame, segmentation, [c.points for c in clouds if not c.low_depth(settings)], settings, up
    )
    instances = tuple(
        _instance(
            frame, instance, number, _without_plane(cloud, instance, plane, settings), plane, up, settings
        )
        for number, (instance, cloud) in enumerate(zip(segmentation.instances, clouds, strict=True), 1)
    )
    return LiftedScene(instances, plane)


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


@dataclass(frozen=True)
class _Cloud:
    """rows, columns: the pixels [N] of points [N, 3]. valid_ratio: readings over mask pixels."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    points: NDArray[np.float32]
    valid_ratio: float

    def low_depth(self, settings: LiftSettings) -> bool:
        return self.valid_ratio < settings.min_valid_ratio or len(self.points) < max(settings.min_points, 1)

    def only(self, keep: NDArray[np.bool_]) -> _Cloud:
        return _Cloud(self.rows[keep], self.columns[keep], self.points[keep], self.valid_ratio)


def _cloud(frame: Frame, instance: Instance, settings: LiftSettings) -> _Cloud:
    """The points of one instance without flying pixels, rim and outliers."""
    window = _window(instance)
    mask = instance.mask[window]
    area = int(np.count_nonzero(mask))
    if frame.depth is None or frame.camera is None or not area:
        nothing = np.zeros(0, np.intp)
        return _Cloud(nothing, nothing, np.zeros((0, 3), np.float32), 0.0)
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
    return _Cloud(rows + window[0].start, columns + window[1].start, points, valid_ratio)


def _without_plane(cloud: _Cloud, instance: Instance, plane: Plane | None, settings: LiftSettings) -> _Cloud:
    """Take out what a mask drawn too wide has caught of the plane around the object.

    Only near the mask's border, so that the bottom of a bowl stays, and only for an object that
    is clearly taller than the tolerance, so that a fork stays.
    """
    if plane is None or not stands_on(plane, cloud.points, settings.plane_tolerance):
        return cloud
    height = plane.height(cloud.points)
    if height.max() < _TALL * settings.plane_tolerance:
        return cloud
    window = _window(instance)
    inner = trim_rim(instance.mask[window], _RIM_REACH * settings.rim_px)
    keep = inner[cloud.rows - window[0].start, cloud.columns - window[1].start]
    keep |= height > settings.plane_tolerance
    return cloud.only(keep)


def _instance(
    frame: Frame,
    instance: Instance,
    number: int,
    cloud: _Cloud,
    plane: Plane | None,
    up: NDArray[np.float64] | None,
    settings: LiftSettings,
) -> LiftedInstance:
    points = cloud.points
    return LiftedInstance(
        instance=instance,
        id=number,
        points=points,
        colors=frame.rgb[cloud.rows, cloud.columns],
        centroid=points.mean(0, dtype=np.float64) if len(points) else np.full(3, np.nan),
        box=fit_box(points, plane=plane, up=up, tolerance=settings.plane_tolerance),
        valid_depth_ratio=cloud.valid_ratio,
        truncated=_touches_border(instance.mask),
        low_depth=cloud.low_depth(settings),
        no_depth=frame.depth is None or frame.camera is None,
    )


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


def _support(
    frame: Frame,
    segmentation: Segmentation,
    objects: list[NDArray[np.float32]],
    settings: LiftSettings,
    up: NDArray[np.float64] | None,
) -> Plane | None:
    """The plane under the objects, from some thousand points of the scene without the targets."""
    if frame.depth is None or frame.camera is None or not objects:
        return None
    stride = max(1, round((frame.depth.size / _PLANE_SAMPLES) ** 0.5))
    grid = (slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    depth = within_range(frame.depth[grid], settings.min_depth, settings.max_depth)
    depth[_targets(frame, segmentation, settings)[grid]] = np.nan
    points = back_project(depth, pixel_rays(frame.camera)[grid])
    return support_plane(
        points[np.isfinite(points[..., 0])],
        objects,
        tolerance=settings.plane_tolerance,
        minimum_ratio=settings.min_plane_ratio,
        up=up,
    )
