"""Cups, plates and other table ware."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.meshes import extrude, lathe, move, rounded_rectangle, shell, tube
from instructsam_ros.scenes.assets.parts import CLEAR, TEXTURED, Part, handle, shade
from instructsam_ros.scenes.assets.textures import Rng, decoration


def mug(rng: Rng, color: str, material: str) -> list[Part]:
    """Mug with a handle, straight, bellied or tapered, sometimes decorated."""
    r, h = rng.uniform(0.036, 0.046), rng.uniform(0.080, 0.105)
    belly = rng.choice([0, 0.006, -0.004])
    body = lathe(shell([(r * 0.82, 0), (r * 0.95 + belly / 2, 0.006), (r + belly, h * 0.45), (r, h)], 0.0035))
    decorated = rng.random() < 0.35 and material == "ceramic"
    texture = decoration(rng, shade(rng, color)) if decorated else None
    return [
        Part(body, material, TEXTURED if decorated else shade(rng, color), texture),
        Part(handle(r + belly * 0.3, h * 0.2, h * 0.8, 0.026, 0.0048), material, shade(rng, color)),
    ]


def cup(rng: Rng, color: str, material: str) -> list[Part]:
    """Tapered tumbler without a handle."""
    r, h = rng.uniform(0.032, 0.040), rng.uniform(0.085, 0.115)
    return [
        Part(lathe(shell([(r * 0.78, 0), (r * 0.8, 0.003), (r, h)], 0.0022)), material, shade(rng, color))
    ]


def glass(rng: Rng, color: str, material: str) -> list[Part]:
    """Clear drinking glass with a thick bottom."""
    r, h = rng.uniform(0.030, 0.038), rng.uniform(0.10, 0.14)
    return [Part(lathe(shell([(r * 0.88, 0), (r * 0.9, 0.004), (r, h)], 0.0025, 0.012)), "glass", CLEAR)]


def wine_glass(rng: Rng, color: str, material: str) -> list[Part]:
    """Clear stem glass."""
    outside = [(0, 0), (0.034, 0), (0.034, 0.002), (0.006, 0.006), (0.0042, 0.07), (0.006, 0.078)]
    bulb = [(0.025, 0.09), (0.037, 0.115), (0.037, 0.14), (0.030, 0.18)]
    inside = [(0.0288, 0.18), (0.0355, 0.14), (0.0355, 0.115), (0, 0.088)]
    return [Part(move(lathe(outside + bulb + inside), scale=rng.uniform(0.9, 1.1)), "glass", CLEAR)]


def bowl(rng: Rng, color: str, material: str) -> list[Part]:
    """Round bowl on a foot ring."""
    r, h = rng.uniform(0.060, 0.085), rng.uniform(0.045, 0.065)
    angle = np.linspace(0.25, np.pi / 2, 9)
    side = np.c_[r * np.sin(angle), 0.004 + (h - 0.004) * (1 - np.cos(angle))]
    outline = np.vstack([[(r * 0.42, 0), (r * 0.45, 0.004)], side])
    return [Part(lathe(shell(outline, 0.004), 48), material, shade(rng, color))]


def plate(rng: Rng, color: str, material: str) -> list[Part]:
    """Flat plate with a rim."""
    r, h = rng.uniform(0.085, 0.115), rng.uniform(0.014, 0.02)
    outline = [(r * 0.58, 0), (r * 0.62, 0.003), (r * 0.72, 0.007), (r * 0.98, h), (r, h + 0.001)]
    return [Part(lathe(shell(outline, 0.004, 0.006), 56), material, shade(rng, color))]


def tray(rng: Rng, color: str, material: str) -> list[Part]:
    """Shallow rectangular tray with a raised edge."""
    width, depth, edge = rng.uniform(0.24, 0.30), rng.uniform(0.17, 0.21), 0.022
    rgb = shade(rng, color)
    rim = rounded_rectangle(width, depth, 0.03)
    closed = np.vstack([rim, rim[:2]])
    return [
        Part(extrude(rim, 0.004), material, rgb),
        Part(tube(np.c_[closed, np.full(len(closed), edge / 2)], edge / 2, 8, flat=0.3), material, rgb),
    ]


def vase(rng: Rng, color: str, material: str) -> list[Part]:
    """Slim vase with a belly and an open neck."""
    r, h = rng.uniform(0.035, 0.045), rng.uniform(0.15, 0.20)
    neck = rng.uniform(0.4, 0.6)
    outline = [(r * 0.6, 0), (r * 0.8, h * 0.15), (r, h * 0.35), (r * 0.85, h * 0.55), (r * neck, h * 0.8)]
    outline += [(r * neck, h * 0.92), (r * (neck + 0.2), h)]
    return [Part(lathe(shell(outline, 0.004)), material, shade(rng, color))]


def teapot(rng: Rng, color: str, material: str) -> list[Part]:
    """Round pot with lid, spout and handle."""
    r = rng.uniform(0.055, 0.068)
    h = r * 1.5
    angle = np.linspace(0.35, np.pi - 0.45, 12)
    side = np.c_[r * np.sin(angle), h / 2 - h / 2 * np.cos(angle)]
    top = side[-1, 1]
    body = np.vstack([[(0, 0), (r * 0.6, 0)], side, [(0, top)]])
    lid = [(0, top), (r * 0.48, top), (r * 0.3, top + 0.012), (0.006, top + 0.016), (0.009, top + 0.026)]
    spout = [(-r * 0.75, 0, h * 0.35), (-r * 1.25, 0, h * 0.55), (-r * 1.6, 0, h * 0.92)]
    rgb = shade(rng, color)
    return [
        Part(lathe(body), material, rgb),
        Part(lathe([*lid, (0, top + 0.03)]), material, rgb),
        Part(tube(spout, [0.016, 0.010, 0.007]), material, rgb),
        Part(handle(r * 0.9, h * 0.25, h * 0.8, 0.034, 0.006), material, rgb),
    ]
