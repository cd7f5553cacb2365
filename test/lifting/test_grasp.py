"""Grasp geometry of boxes that stand on a table, seen by a camera in front of and above them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.lifting import OrientedBox, Plane, grasp_geometry
from instructsam_ros.lifting.grasp import box_uncertainty, free_approaches
from instructsam_ros.lifting.lift import LiftedInstance
from instructsam_ros.lifting.projection import pixel_rays
from instructsam_ros.types import CameraModel, Frame, Instance, tight_box

CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
TILT = np.radians(40.0)
UP = np.array([0.0, -np.cos(TILT), -np.sin(TILT)])
"""The camera looks 40 degrees down."""
TABLE = Plane(UP, float(UP @ [0.0, 0.0, 0.8]), 0.5)
"""The table under the point 0.8 m ahead."""


def standing_box(size=(0.08, 0.06, 0.1), turn=0.0, place=(0.0, 0.0)):
    x = np.array([1.0, 0.0, 0.0])
    away = np.cross(UP, x)
    x, away = np.cos(turn) * x + np.sin(turn) * away, np.cos(turn) * away - np.sin(turn) * x
    centre = np.array([place[0], 0.0, 0.8]) + place[1] * np.cross(UP, [1.0, 0.0, 0.0]) + UP * size[2] / 2
    return OrientedBox(centre, np.stack([x, away, UP], 1), np.array(size), on_plane=True)


def seen(*boxes):
    """The depth image [H, W] of boxes on the table, and which pixel shows which box (0: none)."""
    rays = np.concatenate([pixel_rays(CAMERA), np.ones((120, 160, 1), np.float32)], 2).astype(float)
    with np.errstate(divide="ignore"):
        depth = TABLE.offset / (rays @ UP)
    depth[depth <= 0] = np.inf
    depth, owner = np.minimum(depth, 5.0), np.zeros(depth.shape, int)
    for number, box in enumerate(boxes, 1):
        direction, origin = rays @ box.rotation, -box.centre @ box.rotation
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack([(side * box.size / 2 - origin) / direction for side in (-1, 1)])
        near, far = np.nanmin(ends, 0).max(-1), np.nanmax(ends, 0).min(-1)
        hit = (near <= far) & (near > 0) & (near < depth)
        depth[hit], owner[hit] = near[hit], number
    return depth.astype(np.float32), owner


def lifted(depth, mask, box):
    rays = np.concatenate([pixel_rays(CAMERA), np.ones((120, 160, 1), np.float32)], 2)[mask]
    points = rays * depth[mask][:, None]
    instance = Instance(mask, tight_box(mask), 1.0, "box")
    return LiftedInstance(
        instance, 1, points.astype(np.float32), np.zeros((len(points), 3), np.uint8),
        points.mean(0) if len(points) else np.full(3, np.nan),
        box, 1.0, False, False, False,
    )  # fmt: skip


def geometry(box, *others):
    depth, owner = seen(box, *others)
    frame = Frame(np.zeros((120, 160, 3), np.uint8), depth, CAMERA)
    return grasp_geometry(frame, lifted(depth, owner == 1, box), TABLE)


def free(geometry, direction):
    return bool((geometry.approaches @ direction > 0.99).any())


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.12), st.floats(0.04, 0.1), st.floats(0.05, 0.15), st.floats(-0.7, 0.7))
def test_widths_and_heights_are_those_of_the_box_on_the_table(x, y, z, turn):
    box = standing_box((x, y, z), turn)
    found = geometry(box)
    assert found.top == pytest.approx(z, abs=0.01)
    assert -0.001 <= found.bottom <= found.top
    assert (found.widths <= box.size + 1e-4).all()
    np.testing.assert_allclose(found.widths[:2], (x, y), atol=0.02)
    # In and out of the box's frame nothing is lost.
    assert np.linalg.eigvalsh(found.centre_covariance).min() > 0
    np.testing.assert_allclose(found.centre_covariance, found.centre_covariance.T)


def test_a_box_alone_is_reached_from_above_and_the_sides_not_from_below_or_behind():
    box = standing_box()
    found = geometry(box)
    x, away, up = box.rotation.T
    assert free(found, -up)
    assert free(found, x)
    assert free(found, -x)
    assert free(found, away)
    assert not free(found, up)
    assert not free(found, -away)


def test_a_neighbour_takes_the_side_that_it_stands_on():
    box = standing_box()
    neighbour = standing_box(place=(0.13, 0.0))
    found = geometry(box, neighbour)
    assert not free(found, -box.rotation[:, 0])
    assert free(found, box.rotation[:, 0])
    assert free(found, -UP)


def test_without_readings_no_approach_is_known_to_be_free():
    assert len(free_approaches(np.full((120, 160), np.nan, np.float32), CAMERA, standing_box(), TABLE)) == 0


@given(st.floats(0.3, 3.0), st.floats(1.1, 3.0))
def test_what_is_farther_is_less_sure(distance, factor):
    def at(depth):
        return OrientedBox(np.array([0.0, 0.0, depth]), np.eye(3), np.array([0.05, 0.05, 0.01]))

    near, far = (box_uncertainty(at(d), CAMERA) for d in (distance, factor * distance))
    assert np.trace(far[0]) > np.trace(near[0])
    assert (far[1] > near[1]).all()


def test_the_side_that_is_not_seen_is_less_sure_unless_it_stands_on_the_plane():
    facing = OrientedBox(np.array([0.0, 0.0, 1.0]), np.eye(3), np.array([0.1, 0.1, 0.02]))
    _, stddev = box_uncertainty(facing, CAMERA)
    assert stddev[2] > 0.02
    assert stddev[:2].max() < 0.01
    _, resting = box_uncertainty(OrientedBox(facing.centre, facing.rotation, facing.size, True), CAMERA)
    assert resting[2] < 0.01


def test_an_instance_without_points_has_no_geometry():
    mask = np.zeros((120, 160), bool)
    frame = Frame(np.zeros((120, 160, 3), np.uint8), np.full((120, 160), np.nan, np.float32), CAMERA)
    assert grasp_geometry(frame, lifted(frame.depth, mask, None), TABLE) is None
