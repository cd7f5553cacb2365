"""Fused clouds of a stream."""

from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.ros.output.fused import FusedPoints
from instructsam_ros.types import IDENTITY, Pose, View
from test.ros.output.frame_results import FLAT, HEIGHT, TURNED, WIDTH, block, frame_result

RADIUS, DISTANCE, VOXEL = 0.15, 0.6, 0.01


def ball_from(degrees: float, noise: float = 0.0):
    """A ball around the origin of ``odom``, seen by a camera on a circle; noise of depth in metres."""
    angle = np.radians(degrees)
    forward = np.array([-np.cos(angle), -np.sin(angle), 0.0])
    right = np.array([-np.sin(angle), np.cos(angle), 0.0])
    pose = Pose(np.stack([right, np.cross(forward, right), forward], axis=1), -DISTANCE * forward)
    rows, columns = np.indices((HEIGHT, WIDTH))
    rays = np.stack([(columns - 15.5) / 30.0, (rows - 11.5) / 31.0, np.ones((HEIGHT, WIDTH))], axis=-1)
    squared = np.square(rays).sum(-1)
    root = DISTANCE**2 - squared * (DISTANCE**2 - RADIUS**2)
    hit = root > 0
    depth = np.where(hit, (DISTANCE - np.sqrt(np.maximum(root, 0))) / squared, np.nan)
    depth += np.random.default_rng(90 + round(degrees)).normal(0, noise, depth.shape)
    result = frame_result(depth.astype(np.float32), [hit], [0.9])
    return replace(result, view=View("odom", pose), fusion_voxel=VOXEL)


def test_a_ball_that_stands_still_stays_put_while_the_camera_goes_around_it():
    fused = FusedPoints()
    for degrees in range(-60, 61, 10):
        message = fused(ball_from(degrees))
    points, _, ids = points_from_cloud(message)
    assert set(ids) == {1}
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), RADIUS, atol=VOXEL / 2)
    single, _, _ = points_from_cloud(FusedPoints()(ball_from(0)))
    assert np.ptp(points[:, 0]) > 1.3 * np.ptp(single[:, 0])  # more of it than one view sees


def test_fused_views_are_as_close_to_the_surface_as_one():
    fused, noise = FusedPoints(), 0.004
    for degrees in range(-30, 31, 5):
        message = fused(ball_from(degrees, noise))
    errors = [
        np.linalg.norm(points_from_cloud(each)[0], axis=1) - RADIUS
        for each in (message, FusedPoints()(ball_from(0, noise)))
    ]
    assert errors[0].std() < 1.2 * errors[1].std()
    assert abs(errors[0].mean()) < 0.002


def seen(view, *, instruction="mug", voxel=0.02, columns=slice(4, 20)):
    result = frame_result(FLAT, [block(columns=columns)], [0.9])
    whole = replace(result.result, instruction=instruction)
    return replace(result, result=whole, view=view, fusion_voxel=voxel)


def test_views_of_a_moving_camera_are_joined_in_the_fixed_frame():
    fused = FusedPoints()
    first, _, ids = points_from_cloud(fused(seen(View("odom", TURNED))))
    assert set(ids) == {1}
    message = fused(seen(View("odom", TURNED), columns=slice(12, 28)))
    both, _, _ = points_from_cloud(message)
    assert message.header.frame_id == "odom"
    assert np.ptp(both[:, 1]) > 1.3 * np.ptp(first[:, 1])
    np.testing.assert_allclose(both[:, 0], TURNED.translation[0] + 0.8, atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"instruction": "bowl"}, {"view": View("map", IDENTITY)}, {"voxel": 0.03}], ids=str
)
def test_another_question_begins_anew(change):
    fused, still = FusedPoints(), {"view": View("odom", IDENTITY)}
    fused(seen(**still))
    begun = points_from_cloud(fused(seen(**(still | {"columns": slice(12, 28)} | change))))[0]
    alone = points_from_cloud(FusedPoints()(seen(**(still | {"columns": slice(12, 28)} | change))))[0]
    assert len(begun) == len(alone)


def test_without_a_view_or_voxels_there_is_no_message():
    assert FusedPoints()(seen(None)) is None
    assert FusedPoints()(seen(View("odom", Pose(np.eye(3), np.zeros(3))), voxel=0.0)) is None
