"""Boxes and labels for RViz."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rclpy.duration import Duration
from visualization_msgs.msg import Marker

from instructsam_ros.lifting import LiftedScene, OrientedBox
from instructsam_ros.ros.output.markers import LABEL_METRES, marker_array, no_markers
from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.types import IDENTITY
from test.ros.output.frame_results import FLAT, TURNED, block, frame_result


def test_every_instance_has_a_box_and_a_label_at_its_pose():
    result = frame_result(FLAT, [block(), block(columns=slice(22, 30))], [0.9, 0.5], pose=TURNED)
    first, *markers = marker_array(result).markers
    assert first.action == Marker.DELETEALL, "markers of the last result are replaced"
    assert [(marker.ns, marker.id) for marker in markers] == [
        ("boxes", 1),
        ("labels", 1),
        ("boxes", 2),
        ("labels", 2),
    ]
    for instance, box, label in zip(
        instance_array(result).instances, markers[::2], markers[1::2], strict=True
    ):
        assert box.pose == instance.pose
        assert box.scale == instance.size
        assert [Duration.from_msg(m.lifetime).nanoseconds for m in (box, label)] == [2_500_000_000] * 2
        assert label.text == f"{instance.id} mug {instance.score:.2f}"
        assert (box.color.r, box.color.g, box.color.b) == (label.color.r, label.color.g, label.color.b)
        assert 0 < box.color.a < label.color.a == 1
    assert markers[0].color != markers[2].color


@pytest.mark.parametrize("pose", [IDENTITY, TURNED], ids=["camera", "turned"])
@pytest.mark.parametrize("on_plane", [False, True])
def test_a_label_is_above_its_box_by_its_own_height(pose, on_plane):
    result = frame_result(FLAT, [block()], [0.9], pose=pose)
    (lifted,) = result.result.lifted.instances
    rotation = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, -0.8], [0.0, -0.8, -0.6]])
    rotation[:, 1] = np.cross(rotation[:, 2], rotation[:, 0])
    box = OrientedBox(np.array([0.1, 0.2, 0.9]), rotation, np.array([0.3, 0.2, 0.1]), on_plane)
    lifted = replace(lifted, box=box)
    result = replace(result, result=replace(result.result, lifted=LiftedScene((lifted,), None)))
    up = lifted.box.rotation[:, 2] if on_plane else np.array([0.0, -1.0, 0.0])
    top = max(lifted.box.corners() @ up)
    _, _, label = marker_array(result).markers
    place = label.pose.position
    in_camera = pose.rotation.T @ (np.array([place.x, place.y, place.z]) - pose.translation)
    assert in_camera @ up == pytest.approx(top + LABEL_METRES)
    across = (in_camera - lifted.box.centre) - up * (up @ (in_camera - lifted.box.centre))
    np.testing.assert_allclose(across, 0, atol=1e-9)


@pytest.mark.parametrize("masks", [[], [block()]], ids=["no instance", "no depth"])
def test_without_geometry_all_markers_are_deleted(masks):
    result = frame_result(None, masks, [0.9] * len(masks))
    assert [marker.action for marker in marker_array(result).markers] == [Marker.DELETEALL]
    assert [marker.action for marker in no_markers().markers] == [Marker.DELETEALL]
