"""The camera node of rendered scenes, as a process."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from instructsam_ros.ros.conversions import depth_from_image, intrinsics_from_info, rgb_from_image
from instructsam_ros.ros.input.synchronizer import stamp_ns
from test.ros.conftest import FRAME_ID, WAIT, Client, NodeUnderTest

SMALL = {"frames": 2, "width": 96, "height": 72, "renderer": "classic"}


def test_without_mujoco_the_node_names_the_extra_and_ends(tmp_path):
    (tmp_path / "mujoco.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    node = NodeUnderTest(
        tmp_path / "log", name="bare_camera", program="cameras.rendered_camera_node", env={"PYTHONPATH": path}
    )
    assert node.process.wait(WAIT) == 2
    assert "pip install 'instructsam-ros[scenes]'" in node.log.read_text()


def test_the_camera_feeds_the_segmentation_node_and_ends_cleanly(tmp_path):
    pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)
    camera = NodeUnderTest(
        tmp_path / "camera", name="camera", program="cameras.rendered_camera_node", rate=10.0, **SMALL
    )
    segment = NodeUnderTest(tmp_path / "segment", model="fake", instruction="everything")
    client = Client()
    images, depths, infos = [], [], []
    topics = {"image": (Image, images), "depth": (Image, depths), "camera_info": (CameraInfo, infos)}
    for topic, (kind, heard) in topics.items():
        client.node.create_subscription(kind, topic, heard.append, qos_profile_sensor_data)
    try:
        answers = client.heard["instances"]
        client.wait(lambda: answers and len({bytes(i.data) for i in images}) == SMALL["frames"])
    finally:
        client.close()
        ended = camera.stop(signal.SIGINT), segment.stop()
    assert ended == (0, 0)
    assert "Traceback" not in camera.log.read_text()
    answer = answers[-1]
    assert (answer.header.frame_id, answer.image_width, answer.image_height) == (FRAME_ID, 96, 72)
    assert {stamp_ns(m) for m in images} & {stamp_ns(m) for m in depths} & {stamp_ns(m) for m in infos}
    assert rgb_from_image(images[0]).std() > 10
    assert depths[0].encoding == "16UC1"
    assert 0.2 < np.nanmedian(depth_from_image(depths[0])) < 3.0
    assert intrinsics_from_info(infos[0]).cx == pytest.approx(47.5)
