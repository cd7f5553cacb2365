from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.lifting.box import OrientedBox, fit_box
from instructsam_ros.lifting.plane import Plane

SEEDS = st.integers(0, 2**32 - 1)
EDGES = st.tuples(*[st.floats(0.02, 0.4)] * 3)
CLOUDS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.just(3)),
    elements=st.floats(-2, 2).map(lambda v: round(v, 3)),
).map(lambda points: points.astype(np.float32))


def random_rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def surface(size: np.ndarray, seed: int, count: int = 3000) -> np.ndarray:
    """Points all over a cuboid around the origin, its corners among them."""
    random = np.random.default_rng(seed)
    points = random.uniform(-0.5, 0.5, (count, 3))
    points[np.arange(count), random.integers(0, 3, count)] = random.choice([-0.5, 0.5], count)
    corners = np.array([[(i >> axis & 1) - 0.5 for axis in range(3)] for i in range(8)])
    return np.concatenate([points, corners]) * size


def assert_proper(box: OrientedBox, points: np.ndarray) -> None:
    np.testing.assert_allclose(box.rotation.T @ box.rotation, np.eye(3), atol=1e-9)
    assert np.linalg.det(box.rotation) == pytest.approx(1)
    inside = np.abs((points - box.centre) @ box.rotation) <= box.size / 2 + 1e-6
    assert inside.all()


@given(EDGES, SEEDS)
@settings(deadline=None, max_examples=60)
def test_a_free_cuboid_is_recovered_at_any_orientation(size, seed):
    size = np.array(size)
    rotation, centre = random_rotation(seed), np.array([0.1, -0.2, 1.0])
    points = surface(size, seed) @ rotation.T + centre
    box = fit_box(points)
    assert_proper(box, points)
    assert np.prod(box.size) <= 1.03 * np.prod(size)
    np.testing.assert_allclose(box.size, np.sort(size)[::-1], rtol=0.03, atol=0.002)
    np.testing.assert_allclose(box.centre, centre, atol=0.005)
    assert box.rotation[2, 2] <= 0  # z towards the camera


@given(EDGES, SEEDS)
@settings(deadline=None, max_examples=60)
def test_a_cuboid_on_a_plane_keeps_its_size_however_the_camera_turns(size, seed):
    size = np.array(size)
    assume(abs(size[0] - size[1]) > 1e-3)
    rotation, base = random_rotation(seed), np.array([0.1, -0.2, 1.0])
    normal = rotation[:, 2]
    points = (surface(size, seed) + np.array([0, 0, size[2] / 2])) @ rotation.T + base
    box = fit_box(points, plane=Plane(normal, float(normal @ base), 1.0))
    assert_proper(box, points)
    assert box.on_plane
    np.testing.assert_allclose(box.size, [*sorted(size[:2], reverse=True), size[2]], atol=1e-4)
    np.testing.assert_allclose(box.rotation[:, 2], normal, atol=1e-9)
    assert box.rotation[0, 0] >= -1e-6  # x to the right


def test_the_box_reaches_down_to_the_plane():
    plane = Plane(np.array([0.0, 0.0, 1.0]), 0.5, 1.0)
    points = np.random.default_rng(0).uniform((-0.1, -0.05, 0.54), (0.1, 0.05, 0.6), (2000, 3))
    box = fit_box(points, plane=plane)
    assert box.on_plane
    assert box.size[2] == pytest.approx(0.1, abs=1e-3)
    assert box.centre[2] == pytest.approx(0.55, abs=1e-3)


def test_an_object_in_the_air_keeps_its_own_height():
    plane = Plane(np.array([0.0, 0.0, 1.0]), 0.0, 1.0)
    points = np.random.default_rng(0).uniform((-0.1, -0.05, 0.54), (0.1, 0.05, 0.6), (2000, 3))
    box = fit_box(points, plane=plane)
    assert not box.on_plane
    assert box.size[2] == pytest.approx(0.06, abs=1e-3)


def test_up_alone_gives_z():
    up = np.array([0.0, -3.0, -4.0])
    box = fit_box(np.random.default_rng(0).normal(size=(100, 3)), up_direction=up)
    np.testing.assert_allclose(box.rotation[:, 2], up / 5)
    assert not box.on_plane


@given(CLOUDS)
@settings(deadline=None)
def test_every_cloud_has_a_box_around_it(points):
    assert_proper(fit_box(points), points)
    plane = Plane(np.array([0.0, -0.6, -0.8]), -0.5, 1.0)
    assert_proper(fit_box(points, plane=plane), points)


@given(CLOUDS)
@settings(deadline=None)
def test_no_edge_is_shorter_than_the_least(points):
    for plane in (None, Plane(np.array([0.0, -0.6, -0.8]), -0.5, 1.0)):
        exact, box = fit_box(points, plane=plane), fit_box(points, plane=plane, least_edge=0.01)
        assert_proper(box, points)
        np.testing.assert_allclose(box.size, np.maximum(exact.size, 0.01), atol=1e-12)
        if box.on_plane:
            bottom = (box.centre - box.rotation[:, 2] * box.size[2] / 2) @ plane.normal
            assert bottom <= plane.offset + 1e-9


def test_no_points_have_no_box():
    assert fit_box(np.zeros((0, 3), np.float32)) is None


def test_corners_span_the_box():
    box = OrientedBox(np.array([1.0, 2.0, 3.0]), random_rotation(3), np.array([0.4, 0.2, 0.1]))
    local = (box.corners() - box.centre) @ box.rotation
    np.testing.assert_allclose(np.ptp(local, axis=0), box.size)
    np.testing.assert_allclose(local[5], [0.2, -0.1, 0.05])
