"""Clouds of several views on one grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import fusion
from instructsam_ros.lifting.fusion import Fusion, VoxelCloud


def sphere(random, side, count=4000, centre=(0.0, 0.0, 1.0)):
    """Points on the half of a sphere of 5 cm that a view from 1, 2 or -1 (of x, y and -x) sees."""
    points = random.normal(size=(count, 3))
    points *= 0.05 / np.linalg.norm(points, axis=1)[:, None]
    axis, sign = abs(side) - 1, np.sign(side)
    points[:, axis] = np.abs(points[:, axis]) * sign
    return points + np.array(centre), np.full((count, 3), 100, np.uint8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.002, 0.005, 0.01]))
def test_views_from_both_sides_give_the_whole_object(seed, voxel):
    random = np.random.default_rng(seed)
    cloud = VoxelCloud(voxel)
    cloud.add(*sphere(random, 1))
    assert np.ptp(cloud.cloud()[0][:, 0]) < 0.06
    cloud.add(*sphere(random, 2))
    cloud.add(*sphere(random, -1))
    points, colors = cloud.cloud()
    assert np.ptp(points[:, 0]) == pytest.approx(0.1, abs=2 * voxel)
    assert (np.linalg.norm(points - [0, 0, 1], axis=1) < 0.05 + 1e-6).all()
    assert len(np.unique(np.floor(points.astype(float) / voxel + 1e-4), axis=0)) >= 0.9 * len(points)
    assert (colors == 100).all()


def test_order_of_views_does_not_matter_and_a_view_again_adds_no_points():
    random = np.random.default_rng(0)
    views = [sphere(random, 1), sphere(random, 1)]
    first, second = VoxelCloud(0.005), VoxelCloud(0.005)
    for view in views:
        first.add(*view)
    for view in reversed(views):
        second.add(*view)
    np.testing.assert_allclose(first.cloud()[0], second.cloud()[0], atol=1e-6)
    count = len(first.cloud()[0])
    first.add(*views[0])
    assert len(first.cloud()[0]) == count


def test_an_object_that_was_moved_begins_anew():
    random = np.random.default_rng(0)
    cloud = VoxelCloud(0.005)
    cloud.add(*sphere(random, 1))
    cloud.add(*sphere(random, 1, centre=(0.3, 0.0, 1.0)))
    assert cloud.cloud()[0][:, 0].min() > 0.25


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(fusion, "MAX_VOXELS", 100)
    monkeypatch.setattr(fusion, "MAX_OBJECTS", 2)
    random = np.random.default_rng(0)
    clouds = Fusion(0.002)
    for number in (1, 2, 1, 3):
        clouds.add(number, *sphere(random, 1))
    assert set(clouds.clouds()) == {1, 3}, "2 has not been seen for longest"
    assert all(len(points) == 100 for points, _ in clouds.clouds().values())


@pytest.mark.parametrize("voxel", [0.0, -1.0, float("nan")])
def test_a_voxel_has_an_edge(voxel):
    with pytest.raises(InvalidInputError, match="voxel"):
        VoxelCloud(voxel)


def test_empty_and_far_away_views_are_no_problem():
    cloud = VoxelCloud(0.001)
    cloud.add(np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    for times in range(2):
        cloud.add(np.full((3, 3), 1e6), np.zeros((3, 3), np.uint8))
        assert len(cloud.cloud()[0]) == times
        cloud.add(np.zeros((3, 3)), np.zeros((3, 3), np.uint8))
