"""Places for every layout: table, walls, light."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.scenes.sampling.backgrounds import Backgrounds, find_backgrounds, look_up
from instructsam_ros.scenes.sampling.real_scene import LAYOUTS
from instructsam_ros.scenes.sampling.real_surroundings import brightest, lit_room, sample_place

NOTHING = Backgrounds((), (), ())
WIDE = np.array([0.4, 0.3])
"""What objects take that no tray holds, metres."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_its_furniture_and_light(layout: str) -> None:
    for seed in range(4):
        place = sample_place(np.random.default_rng(seed), layout, LAYOUTS[layout].half, NOTHING, False, WIDE)
        kinds = {thing.kind for thing in place.furniture}
        assert (layout in kinds) == (layout in ("bin", "sink", "shelf"))
        assert place.surroundings.has_table == (layout not in ("shelf", "sink"))
        assert place.surroundings.surface != "marble", "held out from training"
        assert place.lights
        assert place.panorama.min() >= 0
        assert np.isfinite(place.panorama).all()


def test_maps_take_the_place_of_walls_and_photographs_cover_them(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "lab.hdr"), np.ones((8, 16, 3), np.float32))
    place = sample_place(np.random.default_rng(0), "ego", (0.3, 0.2), find_backgrounds(tmp_path), False, WIDE)
    assert place.surroundings.open
    assert "wall" not in {thing.kind for thing in place.furniture}
    cv2.imwrite(str(tmp_path / "room.png"), np.full((8, 16, 3), 77, np.uint8))
    photos = Backgrounds((tmp_path / "room.png",), (), ())
    place = sample_place(np.random.default_rng(0), "ego", (0.3, 0.2), photos, False, WIDE)
    walls = [thing for thing in place.furniture if thing.kind == "wall"]
    assert len(walls) == 4
    assert (walls[0].parts[0].texture == 77).all()


@pytest.mark.parametrize("layout", ["table", "ego", "top", "shelf", "sink", "bin"])
def test_trays_hold_all_objects_of_a_table(tmp_path: Path, layout: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 16, 3), 77, np.uint8))
    surfaces = Backgrounds((), (tmp_path / "a.png",), ())
    reach, found = np.array([0.15, 0.1]), []
    for seed in range(30):
        place = sample_place(
            np.random.default_rng(seed), layout, LAYOUTS[layout].half, surfaces, False, reach
        )
        trays = [thing for thing in place.furniture if thing.kind == "tray"]
        found += trays
        for thing in trays:
            floor, *rim = (part.mesh.vertices for part in thing.parts)
            assert (floor.max(0)[:2] > reach).all()
            assert (np.abs(np.vstack(rim)).max(0)[:2] < [0.4, 0.3]).all()
            assert floor[:, 2].max() == 0 > place.surroundings.table_top
    assert bool(found) == (layout in ("table", "ego", "top"))
    assert {thing.parts[0].texture is None for thing in found} in (set(), {True, False})


@pytest.mark.parametrize("seed", range(5))
def test_the_lamp_shines_from_the_brightest_direction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    panorama = np.full((64, 128, 3), 0.1, np.float32)
    row, column = int(rng.integers(6, 28)), int(rng.integers(128))
    panorama[row, column] = (9, 6, 3)
    direction, tint = brightest(panorama)
    x, y, z = direction
    assert np.linalg.norm(direction) == pytest.approx(1)
    found = look_up(panorama, np.array([[x, z, -y]], np.float32))  # y up and -z ahead, as in the map
    assert found[0, 0] > 6
    assert tint[0] > tint[1] > tint[2]


def test_a_room_is_brighter_above() -> None:
    room = lit_room(np.random.default_rng(0))
    assert room[:20].mean() > room[44:].mean()
