"""Fused clouds of a stream."""

from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.ros.output.fused import FusedPoints
from instructsam_ros.types import IDENTITY, Pose, View
from test.ros.output.frame_results import FLAT, TURNED, block, frame_result


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
