"""Folders of photographs and environment maps, and light looked up in a map."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.sampling.backgrounds import (
    choose,
    cube_ways,
    find_backgrounds,
    look_up,
    patch,
    read_map,
    read_photo,
    tone,
)


def test_files_are_sorted_by_their_use(tmp_path: Path) -> None:
    (tmp_path / "surfaces").mkdir()
    picture = np.zeros((8, 12, 3), np.uint8)
    picture[0] = (0, 0, 255)  # red in OpenCV's order
    cv2.imwrite(str(tmp_path / "room.png"), picture)
    cv2.imwrite(str(tmp_path / "surfaces" / "wood.jpg"), picture)
    cv2.imwrite(str(tmp_path / "lab.hdr"), np.full((8, 16, 3), 2.0, np.float32))
    (tmp_path / "notes.txt").write_text("")
    found = find_backgrounds(tmp_path)
    assert [path.name for path in (*found.photos, *found.surfaces, *found.maps)] == [
        "room.png",
        "wood.jpg",
        "lab.hdr",
    ]
    photo = read_photo(choose(np.random.default_rng(0), found.photos))
    assert photo[-1, 0].tolist() == [255, 0, 0], "texture rows run upwards"
    assert read_map(found.maps[0]) == pytest.approx(0.5, rel=0.02)


def test_folders_and_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        find_backgrounds(tmp_path / "none")
    with pytest.raises(ConfigError, match="no photographs"):
        find_backgrounds(tmp_path)
    for name, read in (("a.jpg", read_photo), ("a.hdr", read_map)):
        (tmp_path / name).write_text("nonsense")
        with pytest.raises(ConfigError, match="not a readable"):
            read(tmp_path / name)


@given(st.integers(0, 127), st.integers(1, 62))
def test_a_direction_finds_its_pixel(column: int, row: int) -> None:
    panorama = np.zeros((64, 128, 3), np.float32)
    panorama[row, column] = 1
    angle, polar = (column + 0.5) / 128 * 2 * np.pi, (row + 0.5) / 64 * np.pi
    way = np.array(
        [[np.sin(polar) * np.sin(angle), np.cos(polar), -np.sin(polar) * np.cos(angle)]], np.float32
    )
    assert look_up(panorama, way)[0, 0] > 0.8


def test_the_cube_shows_up_above_and_ahead_in_front() -> None:
    ways = cube_ways(5)
    assert ways.shape == (6, 5, 5, 3)
    assert ways[:, 2, 2].tolist() == [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]


def test_tone_keeps_order_and_range() -> None:
    shades = tone(np.linspace(0, 20, 50, dtype=np.float32))
    assert (np.diff(shades.astype(int)) >= 0).all()
    assert (shades[0], shades[-1]) == (0, 254) or shades[-1] == 255


def test_a_patch_is_a_part_of_the_photograph() -> None:
    picture = np.arange(20 * 30 * 3, dtype=np.uint16).astype(np.uint8).reshape(20, 30, 3)
    sizes = set()
    for seed in range(20):
        part = patch(np.random.default_rng(seed), picture)
        assert min(part.shape[:2]) >= 8
        assert {tuple(color) for color in part.reshape(-1, 3)} <= {tuple(c) for c in picture.reshape(-1, 3)}
        sizes.add(part.shape)
    assert len(sizes) > 5
