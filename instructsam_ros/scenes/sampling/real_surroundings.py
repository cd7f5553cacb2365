"""Rooms, tables, bins, shelves and sinks around the objects of a scene, and their light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.furniture import (
    Furniture,
    bin_box,
    chair,
    legs,
    monitor,
    plate_of,
    shelf,
    sink,
    tray,
)
from instructsam_ros.scenes.assets.textures import (
    SURFACES,
    Rng,
    Texture,
    granite,
    noise,
    plain,
    to_bytes,
    wood,
)
from instructsam_ros.scenes.sampling.backgrounds import Backgrounds, choose, patch, read_map, read_photo
from instructsam_ros.scenes.sampling.scene import Light, Surroundings
from instructsam_ros.scenes.sampling.splits import manifest

FLOOR = -0.85  # metres below the table top
MAP_SHARE = 0.35
"""Share of scenes in an environment map, where there are maps and photographs."""
PHOTO_TABLE_SHARE = 0.5
"""Share of table tops from photographs of surfaces, where there are some."""

TRAY_SHARE = 0.2
"""Share of trays under the objects on tables, where these do not take more room than a tray has."""
LARGEST_TRAY = (0.32, 0.24)
"""Half its width and depth in metres."""


@dataclass(frozen=True)
class Place:
    """Where a scene is. panorama: float32 [H, W, 3] linear light around it."""

    surroundings: Surroundings
    lights: list[Light]
    ambient: float
    furniture: list[Furniture]
    panorama: NDArray[np.float32]


def sample_place(
    rng: Rng,
    layout: str,
    half: tuple[float, float],
    pictures: Backgrounds,
    held_out: bool,
    reach: NDArray[np.float64],
) -> Place:
    """Sample surroundings for a layout whose objects lie within half the width and depth.

    reach: half the width and depth [2] that the objects take, metres.
    """
    name, texture = _surface(rng, pictures, held_out)
    table_half = _table_size(rng, layout)
    room = Surroundings(
        name,
        texture,
        float(rng.uniform(0.8, 2.0) * (2.5 if name in ("terrazzo", "granite") else 1)),
        float(rng.uniform(0.25, 0.9)),
        wall=None,
        floor=_floor(rng, pictures),
        kitchen=False,
        table_size=table_half,
        has_table=layout not in ("shelf", "sink"),
        table_top=-0.004 if layout == "bin" else 0.0,  # below the floor of the bin
    )
    furniture: list[Furniture] = []
    if layout == "bin":
        furniture.append(bin_box(rng, half, rng.uniform(0.08, 0.2)))
    elif layout == "sink":
        furniture.append(sink(rng, half, rng.uniform(0.1, 0.18), texture))
    elif layout == "shelf":
        furniture.append(
            shelf(rng, (half[0] + 0.03, half[1] + 0.04), rng.uniform(0.3, 0.42), wood(rng, 256, 0))
        )
    elif layout != "shelf" and (reach + 0.02 < LARGEST_TRAY).all() and rng.random() < TRAY_SHARE:
        furniture.append(_tray(rng, reach, pictures))
        room.table_top = -0.004
    has_maps = bool(pictures.maps) and (not pictures.photos or rng.random() < MAP_SHARE)
    if has_maps:
        panorama = np.roll(read_map(choose(rng, pictures.maps)), int(rng.integers(1 << 12)), 1)
        room.open = True
    else:
        panorama = lit_room(rng)
    panorama = panorama * np.float32(rng.uniform(0.5, 1.2))
    if not has_maps and (layout != "bin" or rng.random() < 0.3):
        furniture += _walls(rng, pictures)
    if layout in ("table", "ego", "top") and table_half[1] < 1:
        furniture += _behind(rng, table_half, pictures)
    return Place(room, _lights(rng, panorama), float(rng.uniform(0.5, 0.95)), furniture, panorama)


def _tray(rng: Rng, reach: NDArray[np.float64], pictures: Backgrounds) -> Furniture:
    """Sample a tray around all objects, half of them with a part of a photographed surface on it."""
    least = reach + 0.02
    half = rng.uniform(least, np.maximum(least, LARGEST_TRAY))
    printed = pictures.surfaces and rng.random() < 0.5
    picture = patch(rng, read_photo(choose(rng, pictures.surfaces))) if printed else None
    return tray(rng, half, picture)


def _surface(rng: Rng, pictures: Backgrounds, held_out: bool) -> tuple[str, Texture]:
    if pictures.surfaces and rng.random() < PHOTO_TABLE_SHARE:
        return "photo", patch(rng, read_photo(choose(rng, pictures.surfaces)))
    names = [name for name in SURFACES if held_out or name not in manifest().surfaces]
    weights = np.array(
        [
            {"wood": 3.0, "plain": 3.0, "cloth": 0.15, "tile": 0.2, "terrazzo": 0.5}.get(name, 1.0)
            for name in names
        ]
    )
    name = str(rng.choice(names, p=weights / weights.sum()))
    if name == "plain":
        return name, _laminate(rng)
    return name, SURFACES[name](rng, 512)


def _laminate(rng: Rng) -> Texture:
    """Draw a table top of one colour with fine grain and stains."""
    color = rng.uniform(25, 240) + rng.uniform(-1, 1, 3) * (8 if rng.random() < 0.8 else 30)
    grain = rng.normal(size=(512, 512, 1)).astype(np.float32) * rng.uniform(0, 6)
    stains = (noise(rng, 512, 6)[..., None] - 0.5) * rng.uniform(4, 24)
    return to_bytes((color + grain + stains).astype(np.float32))


def _floor(rng: Rng, pictures: Backgrounds) -> Texture:
    if pictures.surfaces and rng.random() < 0.4:
        return patch(rng, read_photo(choose(rng, pictures.surfaces)))
    return (wood, plain, carpet, carpet, granite)[int(rng.integers(5))](rng, 256)


def carpet(rng: Rng, size: int = 256) -> Texture:
    """Draw a tufted carpet in dark or muted shades, some with stripes."""
    color = rng.uniform(25, 140) + rng.uniform(-1, 1, 3) * 25
    tufts = rng.normal(size=(size, size, 3)).astype(np.float32) * rng.uniform(5, 28)
    if rng.random() < 0.6:
        stripes = rng.normal(size=(size, 1, 3)).astype(np.float32)
        dashes = rng.normal(size=(size, size // 16, 1)).repeat(16, 1)[:, :size].astype(np.float32)
        tufts += (stripes + 0.7 * dashes) * rng.uniform(6, 24)
    return to_bytes((color + tufts).astype(np.float32))


def _table_size(rng: Rng, layout: str) -> tuple[float, float]:
    """Return half the width and depth of the table; a very large one fills the view."""
    if rng.random() < 0.35:
        return (1.6, 1.6)
    least = 0.4 if layout != "ego" else 0.5
    return (float(rng.uniform(least + 0.1, 0.95)), float(rng.uniform(least - 0.06, 0.65)))


def _walls(rng: Rng, pictures: Backgrounds) -> list[Furniture]:
    """Build four walls, photographs where there are some, at different distances."""
    found = []
    for number in range(4):
        away, turn = rng.uniform(1.1, 2.6), number * np.pi / 2
        picture = read_photo(choose(rng, pictures.photos)) if pictures.photos else plain(rng, 256)
        height = rng.uniform(1.8, 2.8)
        width = max(2 * 2.7, height * picture.shape[1] / picture.shape[0])
        if pictures.photos:
            height = width * picture.shape[0] / picture.shape[1]
        at = np.array([-np.sin(turn) * away, np.cos(turn) * away, FLOOR - rng.uniform(0, 0.35) * height])
        found.append(Furniture("wall", [plate_of(width, height, picture)], at, turn))
    return found


def _behind(rng: Rng, table_half: tuple[float, float], pictures: Backgrounds) -> list[Furniture]:
    """Sample what stands behind the table or at its far edge: monitors, chairs, somebody's legs."""
    found: list[Furniture] = []
    edge = table_half[1]
    if rng.random() < 0.2 and edge > 0.45:
        picture = read_photo(choose(rng, pictures.photos)) if pictures.photos else plain(rng, 128)
        at = np.array([rng.uniform(-0.5, 0.5) * table_half[0], edge - 0.1, 0])
        found.append(monitor(rng, picture, at))
    if rng.random() < 0.25:
        found.append(legs(rng, np.array([rng.uniform(-0.7, 0.7), edge + rng.uniform(0.25, 0.6), 0]), FLOOR))
    for _ in range(int(rng.integers(0, 3))):
        spot = np.array([rng.uniform(-1.1, 1.1), edge + rng.uniform(0.3, 1.0), 0])
        found.append(chair(rng, spot, FLOOR))
    return found


def lit_room(rng: Rng) -> NDArray[np.float32]:
    """Draw the light of a plain room: ceiling, walls, floor, lamps and windows; float32 [64, 128, 3]."""
    height, width = 64, 128
    image = np.empty((height, width, 3), np.float32)
    for rows, low, high in ((slice(0, 22), 0.5, 1.0), (slice(22, 38), 0.25, 0.7), (slice(38, 64), 0.08, 0.4)):
        image[rows] = rng.uniform(low, high) * (1 + rng.uniform(-0.08, 0.08, 3))
    for _ in range(int(rng.integers(1, 5))):
        row, column = int(rng.integers(2, 18)), int(rng.integers(width))
        tall, wide = int(rng.integers(2, 7)), int(rng.integers(6, 24))
        columns = (column + np.arange(wide)) % width
        tint = 1 - rng.uniform(0, 0.2) * np.array([0, 0.4, 1.0])
        image[row : row + tall, columns] = rng.uniform(3, 14) * tint
    if rng.random() < 0.5:  # a window
        columns = (int(rng.integers(width)) + np.arange(int(rng.integers(10, 30)))) % width
        image[18:34, columns] = rng.uniform(2, 9) * np.array([0.85, 0.95, 1.0])
    result: NDArray[np.float32] = image * np.float32(0.5 / np.minimum(image, 4).mean())
    return result


def _lights(rng: Rng, panorama: NDArray[np.float32]) -> list[Light]:
    """Sample lamps that cast shadows, beside the light of the panorama; the first from its brightest side."""
    lights = []
    for number in range(int(rng.integers(1, 3))):
        direction, tint = brightest(panorama)
        if number:
            azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.5)
            level = np.cos(elevation)
            direction = np.array([np.cos(azimuth) * level, np.sin(azimuth) * level, np.sin(elevation)])
            tint = 1 - rng.uniform(0, 0.2) * np.array([0.0, 0.45, 1.0])
        strength = rng.uniform(0.15, 0.7) * (1 if number == 0 else 0.5)
        lights.append(Light(direction * 1.8, tint * strength, number == 0))
    return lights


def brightest(panorama: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return direction [3] (world frame, z up) and tint [3] of the brightest light above the horizon."""
    height, width = panorama.shape[:2]
    upper = panorama[: int(height * 0.46)]
    row = (np.arange(len(upper)) + 0.5) / height * np.pi
    weight = upper.mean(-1) * np.sin(row)[:, None]
    spot = int(np.argmax(np.minimum(weight, 20)))
    angle = ((spot % width) + 0.5) / width * 2 * np.pi
    polar = max(row[spot // width], 0.1)
    # look_up: column 0 is -z of its own frame, y up; the world's frame is (x, -z, y)
    direction = np.array([np.sin(angle) * np.sin(polar), np.cos(angle) * np.sin(polar), np.cos(polar)])
    color = panorama[spot // width, spot % width].astype(float)
    tint = 0.6 + 0.4 * color / max(float(color.max()), 1e-6)
    return direction, tint
