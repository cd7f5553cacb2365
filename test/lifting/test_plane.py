from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from instructsam_ros.lifting.plane import Plane, fit_plane, rests_on, support_plane
from instructsam_ros.types import Pose

UP = np.array([0.0, -0.6, -0.8])


def patch(normal: np.ndarray, centre: np.ndarray, count: int, noise: float, seed: int = 0) -> np.ndarray:
    """Points of a square of 1 m around ``centre``."""
    random = np.random.default_rng(seed)
    axes = np.linalg.svd(normal[None])[2][1:]
    along = random.uniform(-0.5, 0.5, (count, 2)) @ axes
    return centre + along + random.normal(0, noise, (count, 1)) * normal


def table(count: int = 2000, noise: float = 0.002) -> np.ndarray:
    return patch(UP, np.array([0.0, 0.1, 0.9]), count, noise)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.4), st.floats(0, 0.004))
@settings(deadline=None, max_examples=40)
def test_a_noisy_plane_is_found_among_outliers(seed, share, noise):
    random = np.random.default_rng(seed)
    normal = random.normal(size=3)
    normal /= np.linalg.norm(normal)
    centre = random.uniform(-0.3, 0.3, 3) + np.array([0, 0, 1])
    normal *= -1 if normal @ centre > 0 else 1  # the side that the camera sees
    assume(abs(normal @ centre) > 0.05)  # no camera sees a plane edge-on
    points = patch(normal, centre, 1500, noise, seed)
    clutter = random.uniform(-1, 1, (int(1500 * share), 3)) + centre
    plane = fit_plane(np.concatenate([points, clutter]), tolerance=0.01, minimum_ratio=0.3)
    assert plane is not None
    assert plane.normal @ normal > np.cos(np.radians(1.5))
    assert plane.offset == pytest.approx(normal @ centre, abs=0.01)
    assert plane.inlier_ratio >= 0.9 / (1 + share)


def test_the_same_points_give_the_same_plane():
    first, second = (fit_plane(table(), tolerance=0.01, minimum_ratio=0.3) for _ in range(2))
    np.testing.assert_array_equal(first.normal, second.normal)


def test_up_prefers_a_smaller_table_to_a_wall_and_orients_it():
    wall = patch(np.array([0.0, 0.8, -0.6]), np.array([0.0, 0.0, 1.6]), 4000, 0.002)
    scene = np.concatenate([wall, table(1000)])
    seen = fit_plane(scene, tolerance=0.01, minimum_ratio=0.1)
    known = fit_plane(scene, tolerance=0.01, minimum_ratio=0.1, up_direction=2 * UP)
    assert abs(seen.normal @ UP) < 0.1
    assert known.normal @ UP > 0.999


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3)),
        np.ones((2, 3)),
        np.ones((50, 3)),
        np.linspace(0, 1, 50)[:, None] * np.ones(3),
        np.random.default_rng(0).uniform(-1, 1, (500, 3)),
    ],
    ids=["none", "two", "one place", "a line", "a cloud"],
)
def test_no_plane_is_none(points):
    assert fit_plane(points, tolerance=0.01, minimum_ratio=0.3) is None


def test_the_support_is_the_plane_that_carries_an_object():
    wall = patch(np.array([0.0, 0.8, -0.6]), np.array([0.0, 0.0, 2.0]), 4000, 0.002)
    cup = np.array([0.0, 0.1, 0.9]) + np.random.default_rng(0).uniform(-0.04, 0.04, (300, 3)) + 0.05 * UP
    scene = np.concatenate([wall, table(1500)])
    plane = support_plane(scene, [cup], tolerance=0.01, minimum_ratio=0.1)
    assert plane.normal @ UP > 0.999
    assert plane.inlier_ratio == pytest.approx(1500 / 5500, abs=0.02)


def test_an_object_in_the_air_has_no_support():
    held = np.array([0.0, 0.1, 0.9]) + 0.4 * UP + np.random.default_rng(0).uniform(-0.03, 0.03, (300, 3))
    assert support_plane(table(), [held], tolerance=0.01, minimum_ratio=0.1) is None


@pytest.mark.parametrize(
    ("low", "high", "resting"),
    [(0.0, 0.1, True), (0.03, 0.1, True), (0.08, 0.1, False), (-0.1, 0.1, False), (0.0, 0.002, True)],
)
def test_resting_depends_on_the_gap_below(low, high, resting):
    plane = Plane(np.array([0.0, 0.0, 1.0]), 0.0, 1.0)
    points = np.zeros((200, 3))
    points[:, 2] = np.linspace(low, high, 200)
    assert rests_on(plane, points, 0.01) is resting


@pytest.mark.parametrize("gap", [0.015, 0.03, 0.05])
def test_a_wall_close_behind_an_object_does_not_carry_it(gap):
    """A cube on a small table, close to a large wall: seen are its front and its top."""
    random = np.random.default_rng(1)
    up, away = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0])  # the wall faces the camera
    floor = patch(up, np.array([0.0, 0.4, 0.9]), 1500, 0.001)
    wall = patch(away, np.array([0.0, 0.0, 1.4]), 4000, 0.001)
    side = random.uniform(0, 0.1, (400, 2))
    back = 1.4 - gap
    front = np.column_stack([side[:200, 0], 0.4 - side[:200, 1], np.full(200, back - 0.1)])
    top = np.column_stack([side[200:, 0], np.full(200, 0.3), back - side[200:, 1]])
    cube = np.concatenate([front, top])
    plane = support_plane(np.concatenate([floor, wall]), [cube], tolerance=0.01, minimum_ratio=0.1)
    assert plane is not None
    assert plane.normal @ up > 0.99


@given(st.integers(0, 10_000))
def test_heights_are_the_same_in_every_frame(seed):
    random = np.random.default_rng(seed)
    normal = random.normal(size=3)
    plane = Plane(normal / np.linalg.norm(normal), float(random.normal()), 1.0)
    pose = Pose(Rotation.random(random_state=seed).as_matrix(), random.normal(size=3))
    points = random.normal(size=(20, 3))
    moved = plane.moved(pose)
    np.testing.assert_allclose(moved.height(pose.apply(points)), plane.height(points), atol=1e-9)
    homogeneous = np.column_stack([points, np.ones(20)])
    np.testing.assert_allclose(homogeneous @ plane.coefficients, plane.height(points), atol=1e-9)


@given(st.integers(0, 10_000))
def test_the_pose_below_a_point_lies_on_the_plane(seed):
    random = np.random.default_rng(seed)
    normal = random.normal(size=3) if seed % 10 else np.array([1.0, 0.0, 0.0])
    plane = Plane(normal / np.linalg.norm(normal), float(random.normal()), 1.0)
    point = random.normal(size=3)
    below = plane.pose_below(point)
    np.testing.assert_allclose(below.rotation @ below.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(below.rotation) == pytest.approx(1)
    np.testing.assert_allclose(below.rotation[:, 2], plane.normal, atol=1e-12)
    assert plane.height(below.translation[None])[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(
        point - below.translation, plane.height(point[None])[0] * plane.normal, atol=1e-9
    )
