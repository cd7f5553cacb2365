"""The hidden node of the camera's topics."""

from types import SimpleNamespace

import pytest
import rclpy
from rclpy.qos import qos_profile_sensor_data
from std_msgs.msg import String

from instructsam_ros.ros.input.camera_node import CameraInputNode


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


def test_a_callback_that_raises_is_logged_and_the_next_message_is_heard(context):
    main = rclpy.create_node("segment_node", namespace="left", context=context)
    said: list[str] = []
    main.get_logger = lambda: SimpleNamespace(error=lambda text, **_: said.append(text))
    camera, heard = CameraInputNode(main), []
    assert camera.node.get_fully_qualified_name() == "/left/_segment_node_input"

    def hear(message):
        heard.append(message.data)
        if message.data == "bad":
            raise ValueError("unfit")

    camera.node.create_subscription(String, "/topic", hear, qos_profile_sensor_data)
    publisher = main.create_publisher(String, "/topic", 5)
    for word in ("bad", "good"):
        while word not in heard:
            publisher.publish(String(data=word))
            camera._stop.wait(0.05)
    camera.close()
    assert said[0] == "a callback of the camera failed: unfit"
    main.destroy_node()
