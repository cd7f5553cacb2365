"""Collision objects, with a stand-in for the messages of MoveIt, which have no wheels."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from examples.moveit_scene import MARGIN, CollisionObjects
from instructsam_ros.ros.output.messages import instance_array


def kind(**constants):
    """A message class that takes the fields it is given."""
    return type("Message", (SimpleNamespace,), constants)


@pytest.fixture(autouse=True)
def moveit(monkeypatch):
    for package, classes in {
        "moveit_msgs": {"CollisionObject": kind(ADD=b"\x00", REMOVE=b"\x01")},
        "shape_msgs": {"SolidPrimitive": kind(BOX=1), "Plane": kind()},
    }.items():
        module = ModuleType(f"{package}.msg")
        vars(module).update(classes)
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
        monkeypatch.setitem(sys.modules, f"{package}.msg", module)


def test_boxes_and_plane_are_added_and_removed_when_gone(frame_result):
    objects, answer = CollisionObjects(), instance_array(frame_result)
    box, plane = objects.update(answer)
    assert (box.id, box.header.frame_id) == ("instance_1", "camera")
    assert box.primitives[0].dimensions[0] == pytest.approx(answer.instances[0].size.x + 2 * MARGIN)
    assert box.primitive_poses == [answer.instances[0].pose]
    normal = frame_result.result.lifted.plane.normal
    np.testing.assert_allclose(plane.planes[0].coef[:3], normal)
    answer.instances = []
    again, removed = objects.update(answer)
    assert again.id == "support_plane"
    assert (removed.id, removed.operation) == ("instance_1", b"\x01")
