"""Sensor model of depth: noise that grows with distance, and holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from instructsam_ros.scenes.assets.textures import Rng, noise
from instructsam_ros.scenes.sampling.scene import Scene

NOISE_AT_ONE_METRE = 0.0015  # metres; stereo and structured light grow with the square of distance
LOST = {"glass": 0.75, "metal": 0.3}  # share of pixels without a return
MAX_RANGE = 6.0  # metres
EDGE_STEP = 0.04  # change over three pixels, as a share of the distance, that makes an edge


def simulate_sensor(
    depth: NDArray[np.float32], ids: NDArray[np.uint8], scene: Scene, rng: Rng
) -> NDArray[np.float32]:
    """Add noise and holes to an exact depth map, float32 [H, W] in metres; 0 = no measurement.

    Holes lie on clear glass and bare metal in patches, along depth edges (where the two cameras
    of a stereo sensor see different surfaces) and beyond MAX_RANGE.
    """
    height, width = depth.shape
    measured = depth + rng.normal(size=depth.shape) * NOISE_AT_ONE_METRE * depth**2
    patches = noise(rng, max(height, width), 6, 0.75)[:height, :width]
    ranks = patches.ravel().argsort().argsort().reshape(patches.shape) / patches.size  # uniform 0..1
    holes = depth > MAX_RANGE
    for item in scene.objects:
        lost = LOST["glass"] if item.color == "clear" else LOST["metal"] if item.color == "silver" else 0.0
        if lost:
            holes |= (ids == item.id) & (ranks < lost)
    span = ndimage.maximum_filter(depth, 3) - ndimage.minimum_filter(depth, 3)
    holes |= (span > EDGE_STEP * depth) & (rng.random(depth.shape) < 0.5)
    return np.where(holes, 0, measured).astype(np.float32)
