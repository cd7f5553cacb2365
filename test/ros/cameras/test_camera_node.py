"""What both cameras share, on the replay camera: live parameters and those that are fixed."""

from __future__ import annotations

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from test.ros.conftest import Client, NodeUnderTest, call


@pytest.fixture
def camera(tmp_path):
    node = NodeUnderTest(
        tmp_path / "log", name="replay", program="cameras.replay_camera_node", rate=20, frame_id="first"
    )
    client = Client("replay")
    yield client
    client.close()
    assert node.stop() == 0, node.log.read_text()


def change(client, name, value):
    parameter = Parameter(name, value=value).to_parameter_msg()
    (result,) = call(client, SetParameters, "set_parameters", parameters=[parameter]).results
    return result


def test_rate_and_frame_id_change_while_it_runs_and_the_rest_is_refused(camera):
    frames = []
    camera.node.create_subscription(Image, "image", frames.append, qos_profile_sensor_data)
    camera.wait(lambda: len(frames) > 2)
    assert frames[-1].header.frame_id == "first"
    assert change(camera, "frame_id", "second").successful
    camera.wait(lambda: frames[-1].header.frame_id == "second")
    assert change(camera, "rate", 1).successful  # one frame a second from now on
    camera.wait(lambda: frames[-1].header.stamp.sec - frames[-3].header.stamp.sec >= 1)
    refused = change(camera, "rate", 0.0)
    assert not refused.successful
    assert "between" in refused.reason
    assert not change(camera, "folder", "/elsewhere").successful
