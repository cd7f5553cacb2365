"""Things without a name between the objects: they hide parts of them, and no instruction means them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instructsam_ros.scenes.assets.meshes import Array, Mesh, blob, box, extrude, rounded_rectangle, tube
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.occluders import Occluder
from instructsam_ros.scenes.assets.parts import FINISHES, Part
from instructsam_ros.scenes.assets.textures import Rng, noise, to_bytes
from instructsam_ros.scenes.sampling.layout import footprint, overlap

SHARE = 0.35
"""Share of scenes with distractors."""
KIND = "distractor"


def sample_distractors(rng: Rng, objects: Sequence[SceneObject], half: Sequence[float]) -> list[Occluder]:
    """Sample up to four shapes without a name, in gaps between objects within half the width and depth."""
    if rng.random() > SHARE:
        return []
    taken = [footprint(item.extent, item.position[:2], item.yaw, 0.0) for item in objects]
    found: list[Occluder] = []
    for _ in range(int(rng.integers(1, 5))):
        parts, extent = _shape(rng)
        for _ in range(12):
            spot, yaw = rng.uniform(-1, 1, 2) * np.asarray(half), float(rng.uniform(-np.pi, np.pi))
            corners = footprint(extent, spot, yaw, 0.002)
            inside = (np.abs(corners) < np.asarray(half)).all()
            if inside and not any(overlap(corners, other) for other in taken):
                taken.append(corners)
                found.append(Occluder(KIND, parts, np.array([*spot, 0.0]), yaw))
                break
    return found


def _shape(rng: Rng) -> tuple[list[Part], Array]:
    """Build a box, a blob, a bar, a cable or a sheet in any colour; return its parts and extent."""
    kind = int(rng.integers(5))
    size = rng.uniform(0.015, 0.06, 3)
    if kind == 0:
        mesh = box(*(2 * size))
    elif kind == 1:
        mesh = blob(
            (size[0], size[1], size[2] * 0.7), 0.25, int(rng.integers(1 << 16)), rng.uniform(-0.4, 0.4)
        )
    elif kind == 2:
        mesh = extrude(rounded_rectangle(size[0] * 3, size[1], size[1] * 0.3), size[2] * 0.5)
    elif kind == 3:
        heading = np.cumsum(np.cumsum(rng.normal(size=40)) * 0.06)  # a cable
        path = np.cumsum(np.c_[np.cos(heading), np.sin(heading)], 0) * rng.uniform(0.003, 0.008)
        mesh = tube(np.c_[path, 0.004 + np.arange(40) * 1e-5], rng.uniform(0.0015, 0.004), 8)
    else:
        mesh = extrude(rounded_rectangle(size[0] * 3, size[1] * 3, 0.004), 0.0015)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    mesh = Mesh(mesh.vertices - [*((low + high) / 2)[:2], low[2]], mesh.faces, mesh.uv)
    grain = noise(rng, 64, 4)[..., None]
    color = rng.uniform(10, 240) + rng.uniform(-1, 1, 3) * (20 if rng.random() < 0.6 else 110)
    texture = to_bytes(color + (grain - 0.5) * rng.uniform(0, 120))
    finish = str(rng.choice([name for name in FINISHES if name != "glass"]))
    return [Part(mesh, finish, texture=texture)], high - low
