"""Dropped objects come to rest inside the walls, upon each other."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.assets.objects import make_object
from instructsam_ros.scenes.sampling.heap import drop, hulls

HALF = (0.18, 0.14)


def test_objects_lie_in_the_bin_and_upon_each_other() -> None:
    rng = np.random.default_rng(3)
    items = [
        make_object(rng, name, "red") for name in ("can", "apple", "cereal box", "mug", "bottle", "plate") * 2
    ]
    heap = drop(rng, items, HALF, walls=True)
    assert len(heap) >= 10
    for item in heap:
        vertices = np.vstack([part.mesh.vertices for part in item.parts])
        assert item.loose
        assert vertices[:, 2].min() == pytest.approx(0)
        assert np.allclose(item.extent, np.ptp(vertices, axis=0))
        corners = np.abs(item.position[:2]) + item.extent[:2] / 2
        assert (corners < np.array(HALF) + 0.03).all()
        assert -0.02 < item.position[2] < 0.4
    assert max(item.position[2] for item in heap) > 0.02, "some lie on others"


def test_the_same_generator_gives_the_same_heap() -> None:
    def heap() -> list[list[float]]:
        rng = np.random.default_rng(1)
        items = [make_object(rng, "can", "blue") for _ in range(3)]
        return [item.position.tolist() for item in drop(rng, items, HALF, walls=False)]

    assert heap() == heap()


def test_a_vessel_is_hollow_and_a_solid_is_one_piece() -> None:
    rng = np.random.default_rng(0)
    bowl = np.vstack([part.mesh.vertices for part in make_object(rng, "bowl", "red").parts])
    pieces = hulls(bowl, hollow=True)
    assert len(pieces) > 5
    high = bowl[:, 2].max()
    for piece in pieces[1:]:
        middle = piece[:, :2].mean(0)
        assert np.linalg.norm(middle) > 0.3 * bowl[:, 0].max(), "walls lie around the middle"
    assert pieces[0][:, 2].max() < 0.5 * high
    assert len(hulls(bowl, hollow=False)) == 1


def test_a_flat_thing_gets_a_thickness() -> None:
    (piece,) = hulls(np.array([(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0)], float), hollow=False)
    assert (np.ptp(piece, axis=0) >= 0.003).all()
