"""Random changes that move rendered pictures towards what cameras deliver."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def jitter(rgb: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Random exposure, contrast, white balance, blur and sensor noise; uint8 [H, W, 3] in and out.

    strength 0 returns the picture unchanged; 1 is the strongest change under which people still
    name the same colours.
    """
    if strength <= 0:
        return rgb
    image = rgb.astype(np.float32) / 255.0
    gain = np.exp(rng.normal(0, 0.25 * strength))
    balance = np.exp(rng.normal(0, 0.06 * strength, 3)).astype(np.float32)
    gamma = np.exp(rng.normal(0, 0.2 * strength))
    image = np.clip(image * gain * balance, 0, 1) ** gamma
    contrast = 1 + rng.uniform(-0.3, 0.3) * strength
    image = (image - image.mean()) * contrast + image.mean()
    gray = image.mean(2, keepdims=True)
    image = gray + (image - gray) * (1 + rng.uniform(-0.4, 0.3) * strength)
    if rng.random() < 0.3 * strength:
        image = cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), float(rng.uniform(0.4, 1.3)))
    if rng.random() < 0.5 * strength:
        image = image + rng.normal(0, rng.uniform(0.005, 0.03), image.shape).astype(np.float32)
    changed: NDArray[np.uint8] = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return changed


def repaint_background(
    rgb: NDArray[np.uint8], ids: NDArray[np.integer], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Replace everything that is no object (ids == 0) by a random pattern, uint8 [H, W, 3].

    Takes away table edges, shadows and textures of the renderer, which photographs do not share.
    """
    height, width = ids.shape
    background = random_pattern(height, width, rng)
    painted: NDArray[np.uint8] = np.where(ids[..., None] == 0, background, rgb)
    return painted


def random_pattern(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cloudy or spotted in two colours, uint8 [height, width, 3]."""
    pattern = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        rows, columns = rng.integers(2, 60, 2)
        octave = rng.random((rows, columns), np.float32)
        pattern += rng.random() * cv2.resize(octave, (width, height), interpolation=cv2.INTER_CUBIC)
    pattern = (pattern - pattern.min()) / max(float(np.ptp(pattern)), 1e-6)
    if rng.random() < 0.3:
        pattern = (pattern > 0.5).astype(np.float32)
    dark, light = rng.uniform(0, 255, (2, 3))
    painted: NDArray[np.uint8] = (dark + pattern[..., None] * (light - dark)).astype(np.uint8)
    return painted
