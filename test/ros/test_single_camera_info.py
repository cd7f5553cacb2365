"""A camera_info that is sent only once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import CameraInfo

from instructsam_ros.ros.conversions import info_from_intrinsics
from instructsam_ros.ros.qos import LATCHED
from test.ros.conftest import CAMERA, Client, NodeUnderTest, change, started

NEAR = replace(CAMERA, fx=CAMERA.fx / 2, fy=CAMERA.fy / 2)
"""Twice the field of view: things are twice as large."""


def width(client: Client) -> float:
    """Metres between the centre of the picture and the red thing, 35 pixels of CAMERA at 0.5 m."""

    def answer():
        future = client.service.call_async(client.service.srv_type.Request(instruction="the red thing"))
        client.wait(future.done, lambda: client.send(camera=None))
        found = future.result().result.instances
        return found[0] if found and found[0].points.data else None

    client.wait(client.service.service_is_ready)
    return float(-client.wait(answer).centroid.x)


def test_it_is_kept_over_activations_and_a_newer_one_holds(tmp_path):
    with started(tmp_path, "once_node", model="fake", depth_wait=5.0) as (_, client):
        client.wait(lambda: client.info.get_subscription_count())
        client.info.publish(info_from_intrinsics(CAMERA, client.header()))
        assert width(client) == pytest.approx(35 / 300, rel=0.01)
        assert change(client, Transition.TRANSITION_DEACTIVATE)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        assert width(client) == pytest.approx(35 / 300, rel=0.01)
        assert change(client, Transition.TRANSITION_DEACTIVATE)
        client.info.publish(info_from_intrinsics(NEAR, client.header()))
        assert change(client, Transition.TRANSITION_ACTIVATE)
        client.wait(lambda: width(client) == pytest.approx(35 / 150, rel=0.01))


def test_one_that_was_latched_before_the_node_started_is_heard(tmp_path):
    client = Client("late_node")
    latched = client.node.create_publisher(CameraInfo, "camera_info", LATCHED)
    latched.publish(info_from_intrinsics(CAMERA, client.header()))
    node = NodeUnderTest(tmp_path / "log", name="late_node", model="fake", depth_wait=5.0)
    try:
        assert width(client) == pytest.approx(35 / 300, rel=0.01)
    finally:
        client.close()
        node.process.kill()
        node.process.wait()
