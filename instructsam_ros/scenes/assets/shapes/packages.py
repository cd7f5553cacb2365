"""Bottles, cans, jars and printed boxes."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.meshes import Mesh, box, lathe, move
from instructsam_ros.scenes.assets.parts import TEXTURED, Part, shade
from instructsam_ros.scenes.assets.textures import Rng, label


def bottle(rng: Rng, color: str, material: str) -> list[Part]:
    """Bottle with a cap and mostly a label."""
    r, h = rng.uniform(0.028, 0.036), rng.uniform(0.19, 0.25)
    neck, shoulder = r * 0.36, rng.uniform(0.55, 0.68)
    body = [(0, 0), (r * 0.9, 0), (r, 0.008), (r, h * shoulder), (r * 0.9, h * (shoulder + 0.06))]
    body += [
        (neck * 1.1, h * (shoulder + 0.2)),
        (neck, h * (shoulder + 0.24)),
        (neck, h * 0.92),
        (0, h * 0.92),
    ]
    cap = lathe([(0, h * 0.9), (neck * 1.25, h * 0.9), (neck * 1.25, h), (0, h)], 24)
    alpha = 0.62 if material == "glass" else None
    parts = [
        Part(lathe(body), material, shade(rng, color), alpha=alpha),
        Part(cap, "plastic", shade(rng, str(rng.choice(["white", "black", color])))),
    ]
    if rng.random() < 0.7:
        low, high = h * shoulder * 0.25, h * shoulder * 0.8
        print_color = "white" if material == "glass" else color
        band = lathe([(r * 1.012, low), (r * 1.012, high)], 48)
        parts.append(Part(band, "paper", TEXTURED, label(rng, shade(rng, print_color), repeat=3)))
    return parts


def can(rng: Rng, color: str, material: str) -> list[Part]:
    """Tin can: metal ends, printed side."""
    r, h = rng.uniform(0.031, 0.040), rng.uniform(0.085, 0.123)
    rim = r * 0.93
    bottom = [(0, 0), (r * 0.9, 0), (rim, 0.003), (rim, 0.004)]
    side = [(rim, 0.004), (r, 0.008), (r, h - 0.008), (rim, h - 0.003)]
    top = [(rim, h - 0.003), (rim, h), (r * 0.88, h), (r * 0.86, h - 0.003), (0, h - 0.003)]
    metal = shade(rng, "silver")
    return [
        Part(lathe(bottom), "metal", metal),
        Part(lathe(side, 48), "plastic", TEXTURED, label(rng, shade(rng, color), repeat=3)),
        Part(lathe(top), "metal", metal),
    ]


def jar(rng: Rng, color: str, material: str) -> list[Part]:
    """Filled glass jar with a lid and a label of the same colour."""
    r, h = rng.uniform(0.034, 0.045), rng.uniform(0.08, 0.12)
    body = [(0, 0), (r * 0.93, 0), (r, 0.006), (r, h * 0.72), (r * 0.86, h * 0.8), (r * 0.84, h * 0.84)]
    lid = lathe([(0, h * 0.82), (r * 0.92, h * 0.82), (r * 0.92, h), (0, h)])
    band = lathe([(r * 1.012, h * 0.15), (r * 1.012, h * 0.62)], 48)
    lid_color = "silver" if rng.random() < 0.5 else color
    return [
        Part(lathe([*body, (0, h * 0.84)]), "glass", shade(rng, color), alpha=0.9),
        Part(lid, "metal", shade(rng, lid_color)),
        Part(band, "paper", TEXTURED, label(rng, shade(rng, color), repeat=2)),
    ]


def milk_carton(rng: Rng, color: str, material: str) -> list[Part]:
    """Gable-top carton."""
    w, h = rng.uniform(0.06, 0.075), rng.uniform(0.13, 0.17)
    half = w / 2
    eaves = [(-half, -half, h), (half, -half, h), (half, half, h), (-half, half, h)]
    roof = np.array([*eaves, (-half, 0, h + 0.03), (half, 0, h + 0.03)])
    triangles = np.array([[0, 1, 5], [0, 5, 4], [2, 3, 4], [2, 4, 5], [1, 2, 5], [3, 0, 4]])
    corners = roof[triangles.ravel()]  # unshared vertices keep the creases sharp
    gable = Mesh(corners, np.arange(len(corners)).reshape(-1, 3), np.full((len(corners), 2), 0.02))
    return [
        Part(box(w, w, h), "paper", TEXTURED, label(rng, shade(rng, color), "MILK")),
        Part(gable, "paper", shade(rng, color)),
        Part(move(box(w, 0.004, 0.02), (0, 0, h + 0.026)), "paper", shade(rng, "white")),
    ]


def cereal_box(rng: Rng, color: str, material: str) -> list[Part]:
    """Tall printed cardboard box."""
    word = str(rng.choice(["OATS", "FLAKES", "CRUNCH", "RICE", "PASTA"]))
    mesh = box(rng.uniform(0.11, 0.15), rng.uniform(0.04, 0.055), rng.uniform(0.17, 0.22))
    return [Part(mesh, "paper", TEXTURED, label(rng, shade(rng, color), word))]


def tea_box(rng: Rng, color: str, material: str) -> list[Part]:
    """Small flat cardboard box."""
    word = str(rng.choice(["TEA", "GREEN TEA", "HERBAL"]))
    mesh = box(rng.uniform(0.08, 0.1), rng.uniform(0.05, 0.07), rng.uniform(0.035, 0.05))
    return [Part(mesh, "paper", TEXTURED, label(rng, shade(rng, color), word))]
