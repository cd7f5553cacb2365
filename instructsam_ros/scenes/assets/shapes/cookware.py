"""Pots, pans, boards and sponges."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.meshes import extrude, lathe, move, rounded_rectangle, shell, tube
from instructsam_ros.scenes.assets.parts import TEXTURED, Part, shade
from instructsam_ros.scenes.assets.textures import Rng, skin, wood


def pot(rng: Rng, color: str, material: str) -> list[Part]:
    """Cooking pot with two ear handles."""
    r, h = rng.uniform(0.075, 0.095), rng.uniform(0.08, 0.11)
    body = lathe(shell([(r * 0.97, 0), (r, 0.004), (r, h), (r * 1.03, h + 0.002)], 0.003), 48)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
    ear = np.c_[r + 0.018 + 0.022 * (np.cos(angle) - 1), 0.026 * np.sin(angle), np.full(9, h * 0.8)]
    black = shade(rng, "black")
    ears = [Part(tube(ear * (side, 1, 1), 0.005), "plastic", black) for side in (1, -1)]
    return [Part(body, material, shade(rng, color)), *ears]


def pan(rng: Rng, color: str, material: str) -> list[Part]:
    """Frying pan with one long handle."""
    r, h, length = rng.uniform(0.085, 0.11), 0.04, rng.uniform(0.13, 0.16)
    body = lathe(shell([(r * 0.82, 0), (r * 0.86, 0.003), (r, h)], 0.003), 48)
    grip = tube(
        [(r - 0.008, 0, h * 0.75), (r + 0.03, 0, h * 0.9), (r + length, 0, h * 1.15)], 0.009, flat=1.4
    )
    wooden = rng.random() < 0.4
    return [
        Part(body, "metal" if color == "silver" else "plastic", shade(rng, color)),
        Part(grip, "wood" if wooden else "plastic", shade(rng, "brown" if wooden else "black")),
    ]


def kettle(rng: Rng, color: str, material: str) -> list[Part]:
    """Tall kettle with a lid knob, a short spout and a side handle."""
    r, h = rng.uniform(0.062, 0.072), rng.uniform(0.15, 0.18)
    body = [(0, 0), (r, 0), (r, 0.012), (r * 0.72, h * 0.92), (r * 0.5, h), (0, h)]
    knob = [(0, h), (0.012, h), (0.014, h + 0.014), (0, h + 0.018)]
    spout = [(-r * 0.7, 0, h * 0.72), (-r * 1.05, 0, h * 0.86), (-r * 1.15, 0, h * 0.9)]
    grip = np.array([(0.78, 0.9), (1.3, 0.95), (1.5, 0.8), (1.45, 0.4), (0.95, 0.25)]) * (r, h)
    rgb, black = shade(rng, color), shade(rng, "black")
    return [
        Part(lathe(body), material, rgb),
        Part(lathe(knob, 20), "plastic", black),
        Part(tube(spout, [0.018, 0.012, 0.010]), material, rgb),
        Part(tube(np.c_[grip[:, 0], np.zeros(5), grip[:, 1]], 0.008, flat=1.4), "plastic", black),
    ]


def cutting_board(rng: Rng, color: str, material: str) -> list[Part]:
    """Wooden board."""
    outline = rounded_rectangle(rng.uniform(0.15, 0.19), rng.uniform(0.22, 0.28), 0.02)
    return [Part(extrude(outline, 0.014), "wood", TEXTURED, wood(rng, 256, planks=0))]


def sponge(rng: Rng, color: str, material: str) -> list[Part]:
    """Dish sponge with a darker scouring layer."""
    w, d, h = rng.uniform(0.09, 0.11), rng.uniform(0.06, 0.07), rng.uniform(0.025, 0.032)
    outline = rounded_rectangle(w, d, 0.008)
    soft = skin(rng, shade(rng, color), speck=-0.5)
    return [
        Part(extrude(outline, h * 0.75), "rubber", TEXTURED, soft),
        Part(move(extrude(outline, h * 0.25), (0, 0, h * 0.75)), "rubber", shade(rng, color) * 0.72),
    ]
