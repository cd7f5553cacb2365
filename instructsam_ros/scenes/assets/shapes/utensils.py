"""Cutlery and kitchen tools, lying flat along y."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.meshes import Mesh, box, extrude, lathe, move, rounded_rectangle, tube
from instructsam_ros.scenes.assets.parts import Part, shade
from instructsam_ros.scenes.assets.textures import Rng


def _grip(rng: Rng, color: str, material: str, length: float = 0.12) -> Part:
    """Handle from -length to 0 along y."""
    radii = [0.0055, 0.004, 0.003] if material == "metal" else [0.0075, 0.006, 0.0038]
    path = [(0, -length, 0.005), (0, -length * 0.4, 0.006), (0, 0, 0.005)]
    return Part(tube(path, radii, flat=1.6), material, shade(rng, color))


def knife(rng: Rng, color: str, material: str) -> list[Part]:
    """Kitchen knife: steel blade, coloured handle."""
    length = rng.uniform(0.10, 0.16)
    outline = [(-0.004, 0), (0.013, 0), (0.013, length * 0.6), (0.006, length * 0.88), (-0.004, length)]
    blade = Part(extrude(outline, 0.002, 0.004), "metal", shade(rng, "silver"))
    return [_grip(rng, color, "wood" if color == "brown" else "plastic"), blade]


def spoon(rng: Rng, color: str, material: str) -> list[Part]:
    """Spoon with an oval head."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    head = extrude(np.c_[0.017 * np.cos(angle), 0.022 + 0.026 * np.sin(angle)], 0.004, 0.003)
    return [_grip(rng, color, material, 0.11), Part(head, material, shade(rng, color))]


def fork(rng: Rng, color: str, material: str) -> list[Part]:
    """Fork with four tines."""
    outline = [(-0.004, 0), (0.004, 0), (0.0125, 0.018), (0.0125, 0.026), (-0.0125, 0.026), (-0.0125, 0.018)]
    rgb = shade(rng, color)
    tines = [move(box(0.0034, 0.028, 0.003), (-0.0105 + 0.007 * k, 0.039, 0.004)) for k in range(4)]
    head: list[Mesh] = [extrude(outline, 0.003, 0.004), *tines]
    return [_grip(rng, color, material, 0.11), *(Part(mesh, material, rgb) for mesh in head)]


def spatula(rng: Rng, color: str, material: str) -> list[Part]:
    """Turner with a broad flat head."""
    head = extrude(rounded_rectangle(0.06, 0.085, 0.012) + np.array([0, 0.05]), 0.003, 0.003)
    return [_grip(rng, color, material, 0.17), Part(head, material, shade(rng, color))]


def ladle(rng: Rng, color: str, material: str) -> list[Part]:
    """Soup ladle: a deep round head on a long handle."""
    r = rng.uniform(0.032, 0.038)
    angle = np.linspace(0.15, np.pi / 2, 8)
    outside = np.c_[r * np.sin(angle), r * 0.75 * (1 - np.cos(angle))]
    inside = outside[::-1] * 0.93 + (0, r * 0.055)
    head = lathe(np.vstack([[(0, 0)], outside, inside, [(0, 0.003)]]))
    path = [(0, -0.2, 0.03), (0, -0.1, 0.03), (0, -0.02, r * 0.75), (0, 0, r * 0.72)]
    grip = tube(path, [0.007, 0.006, 0.004, 0.004], flat=1.5)
    rgb = shade(rng, color)
    return [Part(grip, material, rgb), Part(move(head, (0, r * 0.95, 0)), material, rgb)]


def whisk(rng: Rng, color: str, material: str) -> list[Part]:
    """Wire whisk: a handle and three crossed loops."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    radius, length = rng.uniform(0.024, 0.030), rng.uniform(0.09, 0.11)
    along = np.sin(angle) * 0.5 + 0.5
    loops = []
    for turn in (0, np.pi / 3, 2 * np.pi / 3):
        for side in (1, -1):
            bulge = side * radius * np.cos(angle) * (0.35 + 0.65 * along)
            path = np.c_[bulge * np.cos(turn), length * along, radius + bulge * np.sin(turn)]
            loops.append(Part(tube(path, 0.0016, 6), "metal", shade(rng, "silver")))
    path = [(0, -0.13, 0.012), (0, -0.05, 0.018), (0, 0.004, radius)]
    return [Part(tube(path, [0.009, 0.008, 0.006]), material, shade(rng, color)), *loops]


def scissors(rng: Rng, color: str, material: str) -> list[Part]:
    """Scissors, a little open: two steel blades that cross, with coloured rings."""
    opening, length, rgb = rng.uniform(0.1, 0.4), rng.uniform(0.09, 0.12), shade(rng, color)
    angle = np.linspace(0, 2 * np.pi, 21)
    parts = []
    for side, z in ((1, 0.004), (-1, 0.007)):
        c, s = np.cos(side * opening), np.sin(side * opening)
        turn = np.array([[c, s], [-s, c]])
        outline = np.array([(-0.008, -0.02), (0.008, -0.02), (0.009, length * 0.4), (0, length)])
        ring = np.c_[0.019 * np.cos(angle), 0.027 * np.sin(angle) - 0.062] @ turn
        steel = Part(extrude(outline @ turn, 0.003, z), "metal", shade(rng, "silver"))
        parts += [steel, Part(tube(np.c_[ring, np.full(21, 0.006)], 0.0055, 10), material, rgb)]
    return parts


def rolling_pin(rng: Rng, color: str, material: str) -> list[Part]:
    """Rolling pin: a roller with two thin grips."""
    half, radius, rgb = rng.uniform(0.085, 0.115), rng.uniform(0.02, 0.027), shade(rng, color)
    roller = [(0, y * half, radius) for y in (-1, -0.96, 0, 0.96, 1)]
    edge = radius * 0.85
    parts = [Part(tube(roller, [edge, radius, radius, radius, edge], 24), material, rgb)]
    for side in (1, -1):
        grip = [(0, side * (half + reach), radius) for reach in (-0.005, 0.02, 0.045, 0.05)]
        parts.append(Part(tube(grip, [0.008, 0.011, 0.01, 0.006]), material, rgb))
    return parts
