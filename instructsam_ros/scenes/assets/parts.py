"""Colours, surface finishes and mesh parts of all object builders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instructsam_ros.scenes.assets.meshes import Array, Mesh, tube
from instructsam_ros.scenes.assets.textures import Rng, Texture

# sRGB, far enough apart to have one name each under the scenes' lights
PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (186, 24, 24),
    "orange": (236, 118, 16),
    "yellow": (238, 200, 30),
    "green": (34, 128, 52),
    "blue": (28, 72, 178),
    "purple": (104, 44, 140),
    "pink": (236, 128, 168),
    "brown": (98, 58, 30),
    "white": (236, 235, 230),
    "black": (24, 24, 26),
    "gray": (150, 151, 154),
}
TEXTURED = (255, 255, 255)
CLEAR = (222, 236, 240)


class Finish(NamedTuple):
    """Reflection properties of a surface; specular and shininess apply to the classic renderer."""

    roughness: float
    metallic: float
    specular: float
    shininess: float
    alpha: float


FINISHES: dict[str, Finish] = {
    "ceramic": Finish(0.18, 0, 0.7, 0.6, 1),
    "plastic": Finish(0.42, 0, 0.4, 0.3, 1),
    "metal": Finish(0.38, 1, 0.9, 0.7, 1),
    "glass": Finish(0.06, 0, 0.9, 0.9, 0.38),
    "wood": Finish(0.65, 0, 0.15, 0.1, 1),
    "paper": Finish(0.75, 0, 0.05, 0.05, 1),
    "food": Finish(0.5, 0, 0.25, 0.2, 1),
    "rubber": Finish(0.85, 0, 0.05, 0.05, 1),
}


@dataclass(frozen=True)
class Part:
    """One mesh with one finish. rgb: sRGB 0..255, multiplied with the texture. alpha: None = the finish's."""

    mesh: Mesh
    finish: str
    rgb: ArrayLike = TEXTURED
    texture: Texture | None = None
    alpha: float | None = None


def shade(rng: Rng, name: str, jitter: float = 10) -> NDArray[np.float64]:
    """Sample a shade of a palette colour, sRGB [3], within ``jitter``; "silver" is bare metal."""
    if name == "silver":
        return np.ones(3) * rng.uniform(215, 240)
    return np.clip(np.array(PALETTE[name]) + rng.uniform(-jitter, jitter, 3), 0, 255)


def handle(radius: float, low: float, high: float, reach: float, thickness: float) -> Mesh:
    """Build a bow-shaped handle at +x of a vessel of that radius, metres."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 12)
    x = radius - 0.004 + reach * np.cos(angle)
    z = (low + high) / 2 + (high - low) / 2 * np.sin(angle)
    return tube(np.c_[x, np.zeros(12), z], thickness, flat=1.5)


def stem(height: float) -> Part:
    """Build a stalk on top of a fruit of that height, metres."""
    path: Array = np.array([(0, 0, height - 0.01), (0.002, 0, height + 0.004), (0.006, 0, height + 0.012)])
    return Part(tube(path, 0.0018, 8), "wood", (70, 45, 22))
