"""Masks completed and trimmed by what stands out from the support plane in a depth image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting.depth import within_range
from instructsam_ros.lifting.depth_regions import standing_regions
from instructsam_ros.lifting.plane import Plane
from instructsam_ros.lifting.projection import pixel_rays
from instructsam_ros.lifting.scene_plane import plane_under
from instructsam_ros.lifting.settings import LiftSettings
from instructsam_ros.types import Frame, Instance, Segmentation, tight_box

_WIDTH = 640  # pixels of an image that is not averaged


@dataclass(frozen=True)
class RefinementSettings:
    """When a mask takes a region of the depth image in, and when it gives up its part of one.

    min_height: metres above the plane from which on something stands out. covered: share of a region that a
    mask covers to take all of it. fragment: the same for a mask that has at least ``fragment_share`` of its
    pixels in the region, so that it looks like a part of what is there. rival: share of the region that
    another mask may cover, relative to this one. leak: below this share of a region, and ``leak_share`` of
    the mask, the mask's part is another object. thickness: of the parts that are added or removed at least,
    relative to the root of the mask's area; depth edges are less exact than those of a good mask. most,
    least: limits of the refined area, relative to the mask's; beyond them the mask stays as it is.
    """

    min_height: float = 0.006
    covered: float = 0.6
    fragment: float = 0.25
    fragment_share: float = 0.6
    rival: float = 0.25
    leak: float = 0.15
    leak_share: float = 0.3
    thickness: float = 0.07
    most: float = 4.0
    least: float = 0.5

    def __post_init__(self) -> None:
        if not self.min_height > 0:
            raise ConfigError(f"min_height is {self.min_height} metres; it must be positive")
        if not 0 < self.least <= 1 <= self.most:
            raise ConfigError(f"least {self.least} and most {self.most} must enclose 1")
        for name in ("covered", "fragment", "fragment_share", "rival", "leak", "leak_share", "thickness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is a share between 0 and 1")


def refine_with_depth(
    frame: Frame,
    segmentation: Segmentation,
    settings: RefinementSettings | None = None,
    *,
    lift_settings: LiftSettings | None = None,
    up_direction: NDArray[np.float64] | None = None,
) -> Segmentation:
    """Return the segmentation with masks that agree with what stands on the support plane.

    A mask that covers most of a region, or is a fragment of one, becomes the whole region; its parts in
    regions of which it covers little are removed. It keeps its outline where the two differ by a narrow rim,
    and stays as it is where nothing stands out: without depth, intrinsics or a plane, on flat things, and on
    things without readings, such as glass. up_direction: away from the ground in the optical frame, if known.
    Raises InvalidInputError for an unknown distortion model.
    """
    settings, lift_settings = settings or RefinementSettings(), lift_settings or LiftSettings()
    plane = plane_under(frame, segmentation, lift_settings, up_direction) if segmentation.instances else None
    return refine_on_plane(frame, segmentation, plane, settings, lift_settings)


def refine_on_plane(
    frame: Frame,
    segmentation: Segmentation,
    plane: Plane | None,
    settings: RefinementSettings,
    lift_settings: LiftSettings,
) -> Segmentation:
    """Refine as ``refine_with_depth``, on a plane that is fitted already, or unknown."""
    if frame.depth is None or frame.intrinsics is None or plane is None or not segmentation.instances:
        return segmentation
    regions = standing_regions(
        within_range(frame.depth, lift_settings.min_depth, lift_settings.max_depth),
        pixel_rays(frame.intrinsics),
        plane,
        stride=max(1, round(frame.intrinsics.width / _WIDTH)),
        min_height=settings.min_height,
        plane_tolerance=lift_settings.plane_tolerance,
    )
    masks = refine_masks([instance.mask for instance in segmentation.instances], regions, settings)
    instances = tuple(map(_with_mask, segmentation.instances, masks))
    return dataclasses.replace(segmentation, instances=instances)


def refine_masks(
    masks: list[NDArray[np.bool_]], regions: NDArray[np.uint16], settings: RefinementSettings
) -> list[NDArray[np.bool_]]:
    """Refine the masks, each bool [H, W], of one image by its regions, uint16 [H, W] with 0 for none.

    A mask that does not change is returned itself.
    """
    count = int(regions.max()) + 1
    sizes = np.maximum(np.bincount(regions.ravel(), minlength=count), 1)
    pixels = np.stack([np.bincount(regions[mask], minlength=count) for mask in masks]).astype(np.float64)
    pixels[:, 0] = 0  # of no region
    covered = pixels / sizes
    refined = []
    for number, mask in enumerate(masks):
        area = int(np.count_nonzero(mask))
        share = pixels[number] / max(area, 1)
        rivals = np.delete(covered, number, axis=0).max(0, initial=0.0)
        is_fragment = (share >= settings.fragment_share) & (covered[number] >= settings.fragment)
        own = (covered[number] >= settings.covered) | is_fragment
        own &= rivals <= settings.rival * covered[number]
        own[0] = False
        foreign = ~own & (covered[number] < settings.leak) & (share < settings.leak_share)
        foreign[0] = False
        refined.append(_snap(mask, regions, own, foreign, settings) if own.any() else mask)
    return refined


def _snap(
    mask: NDArray[np.bool_],
    regions: NDArray[np.uint16],
    own: NDArray[np.bool_],
    foreign: NDArray[np.bool_],
    settings: RefinementSettings,
) -> NDArray[np.bool_]:
    """Add own regions and remove foreign ones where they differ from the mask by more than a rim."""
    area = int(np.count_nonzero(mask))
    radius = max(2, round(settings.thickness * area**0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(mask | own[regions]))
    window = slice(y0, y1), slice(x0, x1)
    inside, labels = mask[window], regions[window]
    added = _thick(own[labels] & ~inside, kernel)
    removed = _thick(foreign[labels] & inside, kernel)
    result = (inside | added) & ~removed
    kept, size = np.count_nonzero(result & inside), np.count_nonzero(result)
    unchanged = not added.any() and not removed.any()
    if unchanged or kept < settings.least * area or size > settings.most * area:
        return mask
    whole = np.zeros_like(mask)
    whole[window] = result
    return whole


def _thick(part: NDArray[np.bool_], kernel: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return what of a mask is as thick as the kernel."""
    return np.asarray(cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_OPEN, kernel), bool)


def _with_mask(instance: Instance, mask: NDArray[np.bool_]) -> Instance:
    if mask is instance.mask:
        return instance
    return dataclasses.replace(instance, mask=mask, box=tight_box(mask))
