"""Fruit, vegetables and other food."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.meshes import blob, extrude, lathe, move, rotation_x, rotation_y, tube
from instructsam_ros.scenes.assets.parts import TEXTURED, Part, shade, stem
from instructsam_ros.scenes.assets.textures import Rng, skin

SEEDS = 1_000_000


def apple(rng: Rng, color: str, material: str) -> list[Part]:
    """Apple with patches of a second colour and a stalk."""
    r = rng.uniform(0.034, 0.042)
    body = blob((r, r, r * 0.92), 0.02, int(rng.integers(SEEDS)), 0.08, 0.22)
    base = shade(rng, color)
    blush = np.array((180, 190, 60) if color == "yellow" else (225, 190, 60)) * 0.4 + base * 0.6
    return [Part(body, "food", TEXTURED, skin(rng, base, blush)), stem(r * 1.6)]


def orange(rng: Rng, color: str, material: str) -> list[Part]:
    """Orange with a pored skin."""
    r = rng.uniform(0.034, 0.042)
    return [
        Part(blob((r, r, r * 0.96), 0.008, 1), "food", TEXTURED, skin(rng, shade(rng, color), speck=-0.25))
    ]


def lemon(rng: Rng, color: str, material: str) -> list[Part]:
    """Lemon lying on its side."""
    r = rng.uniform(0.024, 0.029)
    angle = np.linspace(0, np.pi, 22)
    radius, along = np.sin(angle) ** 0.9, -np.cos(angle) * 1.3
    radius = np.where(np.abs(along) > 1.12, radius * 0.6, radius)  # pointed ends
    body = move(lathe(np.c_[radius * r, along * r], 32), (0, 0, r), rotation_y(np.pi / 2))
    return [Part(body, "food", TEXTURED, skin(rng, shade(rng, color), speck=-0.2))]


def banana(rng: Rng, color: str, material: str) -> list[Part]:
    """Curved banana lying flat."""
    bend = rng.uniform(0.085, 0.10)
    angle = np.linspace(-0.95, 0.95, 20)
    radius = 0.0175 * np.clip(np.cos(angle * 1.28), 0.22, 1) ** 0.6
    path = np.c_[bend * np.sin(angle), bend * (1 - np.cos(angle)), np.full(20, 0.0165)]
    tip = [path[0], path[0] + (path[0] - path[1]) * 1.6]
    ripe = skin(rng, shade(rng, color), (140, 100, 30), -0.1)
    return [
        Part(tube(path, radius, 10), "food", TEXTURED, ripe),
        Part(tube(tip, 0.005, 8), "food", (95, 75, 25)),
    ]


def pear(rng: Rng, color: str, material: str) -> list[Part]:
    """Upright pear."""
    r = rng.uniform(0.031, 0.036)
    outline = [(0, 0), (0.5, 0.03), (0.86, 0.3), (1, 0.8), (0.9, 1.3), (0.62, 1.8), (0.45, 2.2), (0.36, 2.5)]
    body = lathe(np.array([*outline, (0.2, 2.65), (0, 2.62)]) * r, 32)
    return [Part(body, "food", TEXTURED, skin(rng, shade(rng, color), speck=-0.2)), stem(2.65 * r)]


def tomato(rng: Rng, color: str, material: str) -> list[Part]:
    """Tomato with its green star."""
    r = rng.uniform(0.029, 0.036)
    body = blob((r, r, r * 0.8), 0.015, int(rng.integers(SEEDS)), 0, 0.15)
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    reach = np.where(np.arange(10) % 2, 0.35, 1) * r * 0.5
    star = extrude(np.c_[np.cos(angle), np.sin(angle)] * reach[:, None], 0.002, r * 1.42)
    return [Part(body, "food", shade(rng, color)), Part(star, "food", (50, 110, 35))]


def carrot(rng: Rng, color: str, material: str) -> list[Part]:
    """Carrot lying flat with its leaves."""
    length = rng.uniform(0.14, 0.18)
    path = np.c_[np.linspace(0, length, 12), np.zeros(12), np.full(12, 0.016)]
    root = tube(path, np.linspace(0.016, 0.003, 12))
    parts = [Part(root, "food", TEXTURED, skin(rng, shade(rng, color), speck=-0.2))]
    for spread in rng.uniform(-0.02, 0.02, 4):
        leaf = [(0, 0, 0.016), (-0.03, spread, 0.018), (-0.055, spread * 1.8, 0.014)]
        parts.append(Part(tube(leaf, [0.003, 0.003, 0.002], 6), "food", (40, 120, 45)))
    return parts


def cucumber(rng: Rng, color: str, material: str) -> list[Part]:
    """Slightly bent cucumber lying flat."""
    length, r = rng.uniform(0.16, 0.21), rng.uniform(0.017, 0.021)
    along = np.linspace(-1, 1, 16)
    path = np.c_[along * length / 2, 0.012 * along**2, np.full(16, r)]
    radius = r * np.clip(1 - along**8, 0.3, 1)
    return [Part(tube(path, radius), "food", TEXTURED, skin(rng, shade(rng, color), (20, 84, 36), 0.12))]


def bell_pepper(rng: Rng, color: str, material: str) -> list[Part]:
    """Four-lobed bell pepper with a green stalk."""
    r = rng.uniform(0.034, 0.040)
    body = blob((r, r, r * 1.12), 0, 0, 0.14, 0.22)
    angle = np.arctan2(body.vertices[:, 1], body.vertices[:, 0])
    lobes = 1 + 0.08 * np.cos(4 * angle)
    body = body._replace(vertices=body.vertices * np.c_[lobes, lobes, np.ones_like(lobes)])
    top = r * 1.9
    stalk = tube(
        [(0, 0, top - 0.014), (0.002, 0, top + 0.008), (0.008, 0, top + 0.018)], [0.007, 0.0045, 0.004]
    )
    return [Part(body, "plastic", shade(rng, color)), Part(stalk, "food", (58, 120, 42))]


def egg(rng: Rng, color: str, material: str) -> list[Part]:
    """Egg lying on its side."""
    r = rng.uniform(0.021, 0.024)
    body = move(blob((r, r, r * 1.32), taper=-0.12), (0, 0, r), rotation_x(np.pi / 2))
    rgb = (205, 152, 112) if color == "brown" else shade(rng, color, 4)
    return [Part(body, "paper", rgb)]


def donut(rng: Rng, color: str, material: str) -> list[Part]:
    """Ring donut with an icing of the given colour."""
    ring, r = rng.uniform(0.028, 0.033), rng.uniform(0.015, 0.018)
    angle = np.linspace(np.pi / 2, -3 * np.pi / 2, 24)
    dough = lathe(np.c_[ring + r * np.cos(-angle), r + r * np.sin(-angle)][::-1], 40)
    arc = np.linspace(-0.25, np.pi + 0.25, 14)
    icing = lathe(np.c_[ring + 1.05 * r * np.cos(arc), r + 1.05 * r * np.sin(arc)], 40)
    return [
        Part(dough, "food", (196, 140, 80)),
        Part(icing, "plastic", TEXTURED, skin(rng, shade(rng, color), speck=0.5)),
    ]
