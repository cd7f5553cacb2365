"""Things around the objects that no instruction names: bins, trays, shelves, sinks, screens, chairs, legs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from instructsam_ros.scenes.assets.meshes import Array, Mesh, box, extrude, move, rounded_rectangle, tube
from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.assets.textures import Rng, Texture

BIN_COLORS = (
    (205, 208, 210), (188, 194, 200), (222, 222, 218), (150, 155, 160), (40, 80, 150), (60, 62, 66),
    (150, 40, 36), (210, 180, 60), (70, 120, 80),
)  # fmt: skip
"""sRGB; the first four, clear to gray, twice as often."""


@dataclass(frozen=True)
class Furniture:
    """A thing around the objects. position [3] metres and yaw in the world frame, as of an object."""

    kind: str
    parts: list[Part]
    position: Array = field(default_factory=lambda: np.zeros(3))
    yaw: float = 0.0


def plate_of(width: float, height: float, texture: Texture) -> Part:
    """Build an upright picture in the xz plane that faces -y, its lower edge on z = 0."""
    x = width / 2
    vertices = np.array([(-x, 0, 0), (x, 0, 0), (x, 0, height), (-x, 0, height)], float)
    uv = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]), uv)
    return Part(mesh, "rubber", texture=texture)


def walls(half: ArrayLike, bottom: float, top: float, lean: float, thickness: float) -> list[Mesh]:
    """Build four walls around a rectangle [half width, half depth], leaning out by ``lean`` metres."""
    width, depth = np.asarray(half, float)
    meshes = []
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner, across = (width, depth) if axis == 0 else (depth, width)
        side = box(thickness, 2 * (across + thickness), top - bottom)
        vertices = side.vertices.copy()
        share = vertices[:, 2] / (top - bottom)
        vertices[:, 0] += inner + thickness / 2 + lean * share
        vertices[:, 1] *= 1 + lean / across * share
        vertices[:, 2] += bottom
        if sign < 0:
            vertices[:, :2] *= -1
        if axis == 1:
            vertices = np.c_[-vertices[:, 1], vertices[:, 0], vertices[:, 2]]
        meshes.append(Mesh(vertices, side.faces, side.uv))
    return meshes


def bin_box(rng: Rng, half: ArrayLike, height: float) -> Furniture:
    """Build an open plastic bin on z = 0: floor, leaning walls and a rim."""
    number = int(rng.integers(len(BIN_COLORS) + 4)) % len(BIN_COLORS)
    color = np.clip(np.array(BIN_COLORS[number]) + rng.uniform(-12, 12, 3), 0, 255)
    width, depth = np.asarray(half, float)
    lean = rng.uniform(0.004, 0.02)
    clear = 0.62 if number < 2 and rng.random() < 0.6 else 1.0
    parts = [Part(move(box(2 * width, 2 * depth, 0.003), (0, 0, -0.003)), "plastic", color)]
    parts += [Part(mesh, "plastic", color, alpha=clear) for mesh in walls(half, -0.003, height, lean, 0.003)]
    rim = (width + lean, depth + lean)
    parts += [Part(mesh, "plastic", color * 0.97) for mesh in walls(rim, height - 0.008, height, 0, 0.012)]
    return Furniture("bin", parts)


def tray(rng: Rng, half: ArrayLike, picture: Texture | None) -> Furniture:
    """Build a serving tray whose floor is z = 0: a low leaning rim, and a picture or one colour on it."""
    color = np.clip(rng.uniform(40, 230) + rng.uniform(-1, 1, 3) * 30, 0, 255)
    width, depth = np.asarray(half, float)
    finish = str(rng.choice(("plastic", "wood", "ceramic")))
    x, y = width, depth
    vertices = np.array([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)], float)
    uv = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    floor = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]), uv)
    parts = [Part(floor, finish, color) if picture is None else Part(floor, finish, texture=picture)]
    height, lean = rng.uniform(0.012, 0.035), rng.uniform(0, 0.02)
    parts += [Part(mesh, finish, color) for mesh in walls(half, -0.003, height, lean, 0.005)]
    return Furniture("tray", parts)


def sink(rng: Rng, half: ArrayLike, depth: float, counter: Texture) -> Furniture:
    """Build a basin whose floor is z = 0, sunk into a counter at ``depth``."""
    color = np.ones(3) * rng.uniform(120, 190) if rng.random() < 0.75 else np.array((225, 224, 220))
    width, length = np.asarray(half, float)
    parts = [Part(move(box(2 * width, 2 * length, 0.003), (0, 0, -0.003)), "plastic", color)]
    parts += [Part(mesh, "plastic", color) for mesh in walls(half, -0.003, depth, 0.015, 0.004)]
    ring = (width + 0.015, length + 0.015)
    parts += [Part(m, "ceramic", texture=counter) for m in walls(ring, depth - 0.03, depth - 0.002, 0, 0.6)]
    drain = rounded_rectangle(0.07, 0.07, 0.0349)
    parts.append(Part(extrude(drain, 0.0015), "plastic", color * 0.45))
    return Furniture("sink", parts)


def shelf(rng: Rng, half: ArrayLike, gap: float, wood: Texture) -> Furniture:
    """Build a board on z = 0 with sides, a back and a board above and below it."""
    width, depth = np.asarray(half, float)
    tint = rng.uniform(200, 255) * np.ones(3)

    def board(size: tuple[float, float, float], at: tuple[float, float, float]) -> Part:
        return Part(move(box(*size), at), "wood", tint, wood)

    parts = [board((2 * width, 2 * depth, 0.018), (0, 0, z)) for z in (-0.018, gap, -gap - 0.018)]
    parts += [board((0.018, 2 * depth, 2 * gap), (x, 0, -gap)) for x in (-width - 0.009, width + 0.009)]
    parts.append(board((2 * width, 0.01, 2 * gap), (0, depth + 0.005, -gap)))
    return Furniture("shelf", parts)


def monitor(rng: Rng, picture: Texture, position: Array) -> Furniture:
    """Build a screen with a stand that faces about -y."""
    width = rng.uniform(0.4, 0.62)
    height = width * 0.58
    frame = np.ones(3) * rng.uniform(15, 60)
    parts = [
        Part(move(box(width + 0.02, 0.03, height + 0.02), (0, 0.017, 0.11)), "plastic", frame),
        Part(move(plate_of(width, height, picture).mesh, (0, 0, 0.12)), "glass", texture=picture, alpha=1.0),
        Part(move(box(0.05, 0.04, 0.14), (0, 0.04, 0)), "plastic", frame),
        Part(move(box(0.24, 0.18, 0.012), (0, 0.04, 0)), "plastic", frame),
    ]
    return Furniture("monitor", parts, position, float(rng.uniform(-0.5, 0.5)))


def legs(rng: Rng, position: Array, floor: float) -> Furniture:
    """Build the trousers and shoes of somebody who stands behind the table."""
    cloth = rng.uniform(20, 130) * np.array(
        [rng.uniform(0.7, 1), rng.uniform(0.75, 1), rng.uniform(0.8, 1.3)]
    )
    parts = []
    for side in (-1, 1):
        x, y = 0.1 * side, rng.uniform(-0.06, 0.06)
        path = [
            (x, y, floor + 0.06),
            (x, y, floor + 0.45),
            (x * 0.9, y * 0.5, floor + 0.9),
            (x * 0.8, 0, floor + 1.1),
        ]
        parts.append(Part(tube(path, [0.065, 0.075, 0.095, 0.11]), "rubber", np.clip(cloth, 0, 255)))
        shoe = tube([(x, y + 0.06, floor + 0.04), (x * 1.1, y - 0.2, floor + 0.03)], [0.05, 0.045], flat=1.1)
        parts.append(Part(shoe, "rubber", np.ones(3) * rng.uniform(20, 230)))
    parts.append(
        Part(
            tube([(0, 0, floor + 1.0), (0, 0, floor + 1.6)], [0.19, 0.24]), "rubber", rng.uniform(30, 220, 3)
        )
    )
    return Furniture("legs", parts, position, float(rng.uniform(-0.6, 0.6)))


def chair(rng: Rng, position: Array, floor: float) -> Furniture:
    """Build a chair with four legs whose seat faces -y."""
    frame = np.ones(3) * rng.uniform(30, 200)
    seat = np.clip(rng.uniform(20, 200) + rng.uniform(-35, 35, 3), 0, 255)
    height = floor + 0.45
    parts = [
        Part(tube([(x, y, floor), (x * 0.92, y * 0.92, height)], 0.015, 10), "metal", frame)
        for x in (-0.2, 0.2)
        for y in (-0.2, 0.2)
    ]
    parts.append(Part(move(box(0.44, 0.44, 0.05), (0, 0, height)), "rubber", seat))
    parts.append(Part(move(box(0.42, 0.04, 0.4), (0, 0.21, height + 0.1)), "rubber", seat))
    return Furniture("chair", parts, position, float(rng.uniform(-np.pi, np.pi)))
