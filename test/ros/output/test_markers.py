"""Boxes and labels for RViz."""

from __future__ import annotations

import pytest
from visualization_msgs.msg import Marker

from instructsam_ros.ros.output.markers import marker_array, no_markers
from instructsam_ros.ros.output.messages import instance_array
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
        assert label.pose.position == instance.pose.position
        assert label.text == f"{instance.id} mug {instance.score:.2f}"
        assert (box.color.r, box.color.g, box.color.b) == (label.color.r, label.color.g, label.color.b)
        assert 0 < box.color.a < label.color.a == 1
    assert markers[0].color != markers[2].color


@pytest.mark.parametrize("masks", [[], [block()]], ids=["no instance", "no depth"])
def test_without_geometry_all_markers_are_deleted(masks):
    result = frame_result(None, masks, [0.9] * len(masks))
    assert [marker.action for marker in marker_array(result).markers] == [Marker.DELETEALL]
    assert [marker.action for marker in no_markers().markers] == [Marker.DELETEALL]
