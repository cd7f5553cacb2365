"""Results as vision_msgs."""

from __future__ import annotations

import sys

import pytest

from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.ros.output.vision_msgs import detections_2d, detections_3d
from test.ros.output.frame_results import FLAT, TURNED, block, frame_result


def test_2d_detections_are_boxes_in_pixels():
    pytest.importorskip("vision_msgs")
    message = detections_2d(frame_result(None, [block(slice(4, 20), slice(6, 9))], [0.75]))
    (found,) = message.detections
    center = found.bbox.center.position
    assert (center.x, center.y, found.bbox.size_x, found.bbox.size_y) == (7.5, 12.0, 3.0, 16.0)
    assert (found.id, found.results[0].hypothesis.class_id) == ("1", "mug")
    assert found.results[0].hypothesis.score == 0.75
    assert message.header.frame_id == found.header.frame_id == "camera"


def test_3d_detections_are_the_boxes_of_the_instances():
    pytest.importorskip("vision_msgs")
    result = frame_result(FLAT, [block()], [0.75], pose=TURNED)
    (found,) = detections_3d(result).detections
    (instance,) = instance_array(result).instances
    assert found.bbox.center == found.results[0].pose.pose == instance.pose
    assert found.bbox.size == instance.size


def test_instances_without_geometry_are_not_3d_detections():
    pytest.importorskip("vision_msgs")
    assert detections_3d(frame_result(None, [block()], [0.75])).detections == []


def test_a_missing_package_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    with pytest.raises(ImportError):
        detections_2d(frame_result(None, [block()], [0.75]))
