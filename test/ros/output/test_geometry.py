"""Support plane and grasp geometry as messages."""

import numpy as np
import pytest

from instructsam_ros.lifting import grasp_geometry, lift
from instructsam_ros.pipeline import Result
from instructsam_ros.ros.output.geometry import grasp_message, plane_message, plane_of
from instructsam_ros.types import IDENTITY
from test.lifting.conftest import tabletop  # noqa: F401
from test.ros.output.frame_results import TURNED, block, frame_result


@pytest.fixture
def result(tabletop):  # noqa: F811
    """A block on a table."""
    truth = tabletop(yaw=20.0, tilt=45.0, noise=0.0)
    lifted = lift(truth.frame, truth.segmentation)
    return Result(truth.frame, "the block", truth.segmentation, lifted, {})


@pytest.mark.parametrize("pose", [IDENTITY, TURNED], ids=["camera", "turned"])
def test_heights_above_the_plane_are_the_same_in_the_frame_of_the_output(result, pose):
    message = plane_message(result, pose)
    points = result.lifted.instances[0].points.astype(float)
    plane = plane_of(message)
    np.testing.assert_allclose(
        plane.height(pose.apply(points)), result.lifted.plane.height(points), atol=1e-9
    )
    assert plane.inlier_ratio == pytest.approx(result.lifted.plane.inlier_ratio)
    place = message.pose.position
    assert plane.height(np.array([[place.x, place.y, place.z]]))[0] == pytest.approx(0, abs=1e-9)


def test_vectors_and_covariance_turn_with_the_frame(result):
    (block_on_table,) = result.lifted.instances
    own = grasp_geometry(result.frame, block_on_table, result.lifted.plane)
    message = grasp_message(result, block_on_table, TURNED)
    np.testing.assert_allclose(message.widths, own.widths, rtol=1e-6)
    assert message.top == pytest.approx(own.top)
    approaches = np.array([[v.x, v.y, v.z] for v in message.approaches])
    np.testing.assert_allclose(approaches @ TURNED.rotation, own.approaches, atol=1e-9)
    assert len(approaches)
    turned = np.array(message.centre_covariance).reshape(3, 3)
    np.testing.assert_allclose(TURNED.rotation.T @ turned @ TURNED.rotation, own.centre_covariance)


def test_without_plane_or_points_nothing_is_made_up():
    bare = frame_result(None, [block()], [0.9]).result
    message = plane_message(bare, IDENTITY)
    assert not message.found
    assert np.isnan(message.coefficients).all()
    assert plane_of(message) is None
    geometry = grasp_message(bare, bare.lifted.instances[0], IDENTITY)
    assert np.isnan([*geometry.widths, geometry.top, *geometry.centre_covariance]).all()
    assert not geometry.approaches
