"""The displays of the RViz configuration match the topics, types and QoS of the node."""

from __future__ import annotations

from pathlib import Path

import pytest
import rclpy
import yaml
from rclpy.qos import DurabilityPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible
from rclpy.signals import SignalHandlerOptions

from instructsam_ros.ros.cameras.camera_node import FRAME_ID
from instructsam_ros.ros.output.publishers import Publishers

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config" / "segment.rviz").read_text())[
    "Visualization Manager"
]
DISPLAYS = {d["Topic"]["Value"]: d for d in CONFIG["Displays"] if "Topic" in d}
TYPES = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/PointCloud2": "sensor_msgs/msg/PointCloud2",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
}


@pytest.fixture(scope="module")
def published():
    """Type and QoS of every output of a node in a namespace, by topic without the namespace."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("segment_node", context=context, namespace="left")
    publishers = Publishers(node)
    infos = {
        name.removeprefix("/left/"): info
        for name, _ in node.get_publisher_names_and_types_by_node("segment_node", "/left")
        for info in node.get_publishers_info_by_topic(name)
    }
    yield {name: (info.topic_type, info.qos_profile) for name, info in infos.items()}
    publishers.destroy()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize("topic", DISPLAYS)
def test_a_display_hears_a_topic_of_its_type(published, topic):
    display = DISPLAYS[topic]
    kind, offered = published[topic]
    assert kind == TYPES[display["Class"]]
    wanted = QoSProfile(
        depth=display["Topic"]["Depth"],
        reliability=ReliabilityPolicy[display["Topic"]["Reliability Policy"].upper().replace(" ", "_")],
        durability=DurabilityPolicy[display["Topic"]["Durability Policy"].upper().replace(" ", "_")],
    )
    compatibility, why = qos_check_compatible(offered, wanted)
    assert compatibility != QoSCompatibility.ERROR, why


def test_it_looks_from_the_frame_of_our_cameras():
    assert CONFIG["Global Options"]["Fixed Frame"] == FRAME_ID
