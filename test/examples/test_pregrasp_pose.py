"""Pre-grasp poses before a block on a table."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from examples.pregrasp_pose import STANDOFF, best_pregrasp
from instructsam_ros.ros.output.messages import instance_array


def test_the_gripper_comes_from_above_and_closes_across_the_narrow_side(frame_result, block):
    answer = instance_array(frame_result)
    pose = best_pregrasp(answer, opening=1.0).pose
    turn = pose.orientation
    axes = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    assert axes[:, 2] @ block.normal < -0.99
    (lifted,) = frame_result.result.lifted.instances
    assert abs(axes[:, 1] @ lifted.box.rotation[:, 1]) > 0.99
    place = np.array([pose.position.x, pose.position.y, pose.position.z])
    height = frame_result.result.lifted.plane.height(place[None])[0]
    assert height == pytest.approx(lifted.box.size[2] + STANDOFF, abs=0.01)


def test_what_is_too_wide_or_blocked_has_none(frame_result):
    answer = instance_array(frame_result)
    assert best_pregrasp(answer, opening=0.001) is None
    answer.instances[0].grasp.approaches = []
    assert best_pregrasp(answer, opening=1.0) is None
