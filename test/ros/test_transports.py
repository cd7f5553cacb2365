"""Compressed colour and depth, as image_transport sends them, through the node."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from instructsam_ros.ros.conversions import info_from_intrinsics, mask_from_messages, points_from_cloud
from test.ros.conftest import CAMERA, Client, NodeUnderTest, depth_mm, picture

DEPTH_HEADER = struct.pack("<iff", 0, 0.0, 0.0)


def encoded(array, header, text, prefix=b""):
    suffix = ".jpg" if text == "jpeg" else ".png"
    return CompressedImage(header=header, format=text, data=prefix + cv2.imencode(suffix, array)[1].tobytes())


@pytest.mark.parametrize("colour", ["rgb8; png compressed bgr8", "jpeg"])
def test_compressed_frames_are_answered_with_mask_and_metric_points(compressed, colour):
    client, image, depth = compressed

    def send():
        header = client.header()
        client.info.publish(info_from_intrinsics(CAMERA, header))
        depth.publish(encoded(depth_mm(), header, "16UC1; compressedDepth png", DEPTH_HEADER))
        image.publish(encoded(cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), header, colour))
        client.instruction.publish(String(data="the red thing"))

    client.heard["instances"].clear()
    (found,) = client.wait(
        lambda: next((a.instances for a in client.heard["instances"] if a.instances), None), send
    )
    mask = mask_from_messages(found.box, found.mask, (120, 160))
    expected = picture()[..., 0] == 220
    assert (mask & expected).sum() > 0.95 * (mask | expected).sum()
    points, _, _ = points_from_cloud(found.points)
    assert np.median(points[:, 2]) == pytest.approx(0.5, abs=1e-6)


@pytest.fixture(scope="module")
def compressed(tmp_path_factory):
    """A client of a node that listens to compressed topics, and their publishers."""
    node = NodeUnderTest(
        tmp_path_factory.mktemp("compressed") / "log",
        name="compressed_node",
        model="fake",
        image_transport="compressed",
        depth_transport="compressedDepth",
    )
    client = Client("compressed_node")
    image = client.node.create_publisher(CompressedImage, "image/compressed", 5)
    depth = client.node.create_publisher(CompressedImage, "depth/compressedDepth", 5)
    yield client, image, depth
    client.close()
    assert node.stop() == 0, node.log.read_text()
