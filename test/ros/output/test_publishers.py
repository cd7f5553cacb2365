"""Clouds, label images and their agreement, without a node."""

from __future__ import annotations

import time

import numpy as np
import pytest
import rclpy
from hypothesis import given
from hypothesis import strategies as st
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import PointCloud2

from instructsam_ros.lifting.instance_cloud import STAGES
from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.output import publishers
from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.ros.output.publishers import (
    Publishers,
    label_message,
    points_message,
    scene_message,
    stage_message,
)
from instructsam_ros.ros.qos import OUTPUT
from instructsam_ros.types import IDENTITY
from test.ros.output.frame_results import HEIGHT, TURNED, WIDTH, block, frame_result

LENSES = [("", ()), ("plumb_bob", (-0.05, 0.01, 0.001, -0.001, 0.0)), ("equidistant", (0.01, 0.0, 0.0, 0.0))]


@st.composite
def rectangles(draw):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    top, left = draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 1))
    mask[top : top + draw(st.integers(1, HEIGHT)), left : left + draw(st.integers(1, WIDTH))] = True
    return mask


@given(
    st.lists(st.tuples(rectangles(), st.sampled_from([0.5, 0.7, 0.9])), max_size=4),
    st.sampled_from(LENSES),
    st.sampled_from([IDENTITY, TURNED]),
)
def test_every_point_has_the_id_of_its_pixel_in_the_label_image_and_no_pixel_has_two(found, lens, pose):
    masks, scores = zip(*found, strict=True) if found else ((), ())
    result = frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32), masks, scores, lens, pose)
    labels = np.frombuffer(label_message(result).data, np.uint16).reshape(HEIGHT, WIDTH)
    _, colors, ids = points_from_cloud(points_message(result))
    rows, columns = colors[:, 0], colors[:, 1]
    np.testing.assert_array_equal(ids, labels[rows, columns])
    assert len(np.unique(colors, axis=0)) == len(colors) == np.count_nonzero(labels)


def test_a_pixel_of_two_masks_goes_to_the_higher_score_and_stays_in_both_instances():
    left, right = np.zeros((2, HEIGHT, WIDTH), bool)
    left[4:20, 4:20] = right[4:20, 12:28] = True
    result = frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32), (left, right), (0.6, 0.9))
    _, _, ids = points_from_cloud(points_message(result))
    assert (np.count_nonzero(ids == 1), np.count_nonzero(ids == 2)) == (16 * 8, 16 * 16)
    assert [instance.points.width for instance in instance_array(result).instances] == [256, 256]


def test_the_scene_cloud_has_every_pixel_without_an_instance():
    assert scene_message(frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32))).width == HEIGHT * WIDTH


@pytest.mark.parametrize("depth", [None, np.full((HEIGHT, WIDTH), np.nan, np.float32)], ids=["none", "nan"])
def test_without_readings_there_is_no_scene_cloud(depth):
    """An empty one would be read as free space."""
    result = frame_result(depth, [block()], [0.9])
    assert scene_message(result) is None
    assert points_message(result).width == 0


def test_stages_of_the_lifting_leave_fewer_and_fewer_points():
    """An object in a mask that includes the flying pixels around it."""
    depth = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    depth[5:21, 5:21] = 1.5
    depth[6:20, 6:20] = 1.0
    result = frame_result(depth, [block(slice(5, 21), slice(5, 21))], [0.9])
    counts = {stage: stage_message(stage, result).width for stage in STAGES}
    assert counts == {"raw": 16 * 16, "own": 16 * 16, "reliable": 14 * 14, "body": 14 * 14}
    points, _, ids = points_from_cloud(stage_message("raw", result))
    assert set(ids) == {1}
    assert set(points[:, 2]) == {1.0, 1.5}


def test_stages_are_computed_only_while_somebody_listens(monkeypatch):
    asked = []

    def spied(frame, instance, settings, stage):
        asked.append(stage)
        return computed(frame, instance, settings, stage)

    computed = publishers.instance_cloud
    monkeypatch.setattr(publishers, "instance_cloud", spied)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=reserve_domain(), signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("segment_node", context=context)
    outputs = Publishers(node)
    result = frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32), [block()], [0.9])
    outputs.publish(result)
    assert asked == []
    node.create_subscription(PointCloud2, "~/debug/points_own", lambda _: None, OUTPUT)
    deadline = time.monotonic() + 30
    while not asked and time.monotonic() < deadline:
        outputs.publish(result)
    assert set(asked) == {"own"}
    node.destroy_node()
    rclpy.shutdown(context=context)
