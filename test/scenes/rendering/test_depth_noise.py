"""Sensor holes on glass, metal and edges, and beyond the range."""

from types import SimpleNamespace

import numpy as np
import pytest

from instructsam_ros.scenes.rendering.depth_noise import LOST, MAX_RANGE, simulate_sensor

HEIGHT, WIDTH = 120, 160


@pytest.fixture
def holes():
    """Holes in a flat depth of one metre with a step, seen by a sensor; three objects side by side on it."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    depth = np.full((HEIGHT, WIDTH), 1.0, np.float32)
    for number in (1, 2, 3):
        ids[:60, 40 * number - 40 : 40 * number] = number
    depth[80:100] = 1.5
    depth[110:] = MAX_RANGE + 1
    colors = {1: "clear", 2: "silver", 3: "red"}
    scene = SimpleNamespace(objects=[SimpleNamespace(id=i, color=color) for i, color in colors.items()])
    measured = [simulate_sensor(depth, ids, scene, np.random.default_rng(seed)) for seed in range(20)]
    return ids, np.mean([m == 0 for m in measured], axis=0)


def test_glass_and_metal_lose_their_share_and_other_objects_nothing(holes):
    ids, lost = holes
    assert lost[ids == 1].mean() == pytest.approx(LOST["glass"], abs=0.1)
    assert lost[ids == 2].mean() == pytest.approx(LOST["metal"], abs=0.1)
    assert lost[ids == 3].max() == 0


def test_holes_lie_along_steps_of_depth_and_beyond_the_range(holes):
    _, lost = holes
    for edge in (80, 100):
        assert lost[edge - 1 : edge + 1].mean() == pytest.approx(0.5, abs=0.1)
    assert lost[85:95].max() == 0
    assert lost[112:].min() == 1


def test_holes_come_in_patches():
    ids = np.ones((HEIGHT, WIDTH), np.uint8)
    depth = np.ones((HEIGHT, WIDTH), np.float32)
    scene = SimpleNamespace(objects=[SimpleNamespace(id=1, color="silver")])
    lost = simulate_sensor(depth, ids, scene, np.random.default_rng(0)) == 0
    uniform = (lost[:, 1:] == lost[:, :-1]).mean()
    share = lost.mean()
    assert uniform > share**2 + (1 - share) ** 2 + 0.2  # far more than for independent holes
