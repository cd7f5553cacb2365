"""Bins, sinks and shelves leave room for the objects; what stands around stays off the table."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.furniture import (
    Furniture,
    bin_box,
    chair,
    legs,
    monitor,
    plate_of,
    shelf,
    sink,
    walls,
)
from instructsam_ros.scenes.assets.textures import plain

HALF = (0.2, 0.15)


def vertices(thing: Furniture) -> np.ndarray:
    return np.vstack([part.mesh.vertices for part in thing.parts])


def inside(points: np.ndarray, low: float) -> np.ndarray:
    return (np.abs(points[:, :2]) < np.array(HALF) - 1e-6).all(1) & (points[:, 2] > low)


def test_bins_and_sinks_are_empty_inside() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        for thing in (bin_box(rng, HALF, 0.12), sink(rng, HALF, 0.15, plain(rng, 16))):
            points = vertices(thing)
            assert not inside(points, 0.003).any()
            assert points[:, 2].max() == pytest.approx(0.15 if thing.kind == "sink" else 0.12, abs=0.003)


def test_walls_lean_outwards_and_face_outwards() -> None:
    for mesh in walls(HALF, 0.0, 0.1, 0.02, 0.003):
        low, high = mesh.vertices[:, 2].min(), mesh.vertices[:, 2].max()
        bottom, top = (np.abs(mesh.vertices[mesh.vertices[:, 2] == z, :2]).max(0) for z in (low, high))
        assert (top >= bottom + 0.019).any()
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        volume = (a * np.cross(b, c)).sum() / 6
        assert volume > 0


def test_a_shelf_has_boards_below_and_above() -> None:
    points = vertices(shelf(np.random.default_rng(0), HALF, 0.35, plain(np.random.default_rng(0), 16)))
    assert points[:, 2].max() > 0.35
    assert not inside(points, 0.001)[points[:, 2] < 0.34].any()


def test_things_in_the_room_stand_on_its_floor() -> None:
    rng = np.random.default_rng(0)
    for thing in (legs(rng, np.zeros(3), -0.85), chair(rng, np.zeros(3), -0.85)):
        assert vertices(thing)[:, 2].min() == pytest.approx(-0.85, abs=0.03)
    assert vertices(monitor(rng, plain(rng, 16), np.zeros(3)))[:, 2].min() == pytest.approx(0)


def test_a_picture_is_upright_and_faces_the_viewer() -> None:
    mesh = plate_of(2.0, 1.0, plain(np.random.default_rng(0), 16)).mesh
    a, b, c = mesh.vertices[mesh.faces[0]]
    assert np.cross(b - a, c - a)[1] < 0
    assert mesh.uv[np.argmax(mesh.vertices[:, 2])][1] == 1
