"""A table with a cuboid on it, ray-cast, so that every measure has an exact answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from instructsam_ros.lifting import pixel_rays
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box

CAMERA = CameraModel(640, 480, 600.0, 600.0, 320.0, 240.0)


@dataclass(frozen=True)
class Tabletop:
    """normal points up from the table; the cuboid's z axis is along it."""

    frame: Frame
    segmentation: Segmentation
    normal: NDArray[np.float64]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]


def _cast(
    rays: NDArray[np.float64],
    rotation: NDArray[np.float64],
    base: NDArray[np.float64],
    size: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Depth [H, W] and the cuboid's mask; ``base`` is the middle of its lower face, on the table."""
    origin = -base @ rotation  # the camera in the frame of the cuboid's base
    direction = rays @ rotation
    with np.errstate(divide="ignore", invalid="ignore"):
        table = -origin[2] / direction[..., 2]
        low = (np.array([-size[0] / 2, -size[1] / 2, 0.0]) - origin) / direction
        high = (np.array([size[0] / 2, size[1] / 2, size[2]]) - origin) / direction
    enter = np.minimum(low, high).max(-1)
    leave = np.maximum(low, high).min(-1)
    table = np.where(table > 0, table, np.nan)
    mask = (enter > 0) & (enter <= leave)
    return np.where(mask, enter, table), mask


@pytest.fixture(scope="session")
def tabletop() -> Callable[..., Tabletop]:
    """Builder. size, distance, noise: metres; yaw of the cuboid and tilt of the camera: degrees."""

    def build(
        size: tuple[float, float, float] = (0.12, 0.07, 0.10),
        yaw: float = 20.0,
        tilt: float = 45.0,
        distance: float = 0.7,
        noise: float = 0.0,
        intrinsics: CameraModel = CAMERA,
    ) -> Tabletop:
        t, y = np.radians(tilt), np.radians(yaw)
        up = np.array([0.0, -np.sin(t), -np.cos(t)])  # tilt 0 looks straight down
        right = np.array([1.0, 0.0, 0.0])
        ahead = np.cross(up, right)
        x = np.cos(y) * right + np.sin(y) * ahead
        rotation = np.stack([x, np.cross(up, x), up], axis=1)
        base = np.array([0.02, 0.01, distance])
        rays = pixel_rays(intrinsics).astype(np.float64)
        rays = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=-1)
        depth, mask = _cast(rays, rotation, base, np.array(size))
        depth = depth + np.random.default_rng(0).normal(0, noise, depth.shape) if noise else depth
        rgb = np.zeros((intrinsics.height, intrinsics.width, 3), np.uint8)
        rgb[mask] = (200, 30, 30)
        instance = Instance(mask, tight_box(mask), 0.9, "block")
        return Tabletop(
            Frame(rgb, depth.astype(np.float32), intrinsics),
            Segmentation((instance,), "a block", Status.OK),
            up,
            base + up * size[2] / 2,
            np.array([*sorted(size[:2], reverse=True), size[2]]),
        )

    return build
