"""The node's main job, over DDS with another process."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.action import Segment
from instructsam_ros.msg import Instance, InstanceArray
from instructsam_ros.ros.conversions import (
    image_from_array,
    info_from_intrinsics,
    mask_from_messages,
    points_from_cloud,
)
from instructsam_ros.srv import SegmentOnce
from test.ros.conftest import CAMERA, FRAME_ID, depth_mm, picture

ACTION_SUCCEEDED, ACTION_CANCELED, ACTION_ABORTED = 4, 5, 6


@pytest.fixture
def answered(client):
    """The instruction "the red thing" is in force and answered; the newest answer."""
    from std_msgs.msg import String

    client.instruction.publish(String(data="the red thing"))
    for topic in client.heard:
        if topic not in ("diagnostics", "active_instruction"):
            client.heard[topic].clear()
    return client.wait(
        lambda: next((a for a in client.heard["instances"] if a.instruction == "the red thing"), None),
        lambda: (client.instruction.publish(String(data="the red thing")), client.send()),
    )


def test_an_instruction_on_the_topic_is_answered_with_mask_and_metric_points(answered):
    assert answered.header.frame_id == FRAME_ID
    assert (answered.image_height, answered.image_width) == (120, 160)
    assert answered.status == InstanceArray.STATUS_OK
    (found,) = answered.instances
    mask = mask_from_messages(found.box, found.mask, (120, 160))
    np.testing.assert_array_equal(mask, picture()[..., 0] == 220)
    points, colors, _ = points_from_cloud(found.points)
    assert len(points) > 300
    np.testing.assert_allclose(points[:, 2], 0.5, atol=1e-6)
    assert (colors == (220, 20, 20)).all()
    np.testing.assert_allclose(
        [found.centroid.x, found.centroid.y, found.centroid.z],
        [(44.5 - 79.5) / 300, (54.5 - 59.5) / 300, 0.5],
        atol=1e-3,
    )
    assert found.valid_depth_ratio == pytest.approx(1.0)
    assert not found.flags & (Instance.FLAG_NO_DEPTH | Instance.FLAG_TRUNCATED | Instance.FLAG_LOW_DEPTH)


@pytest.mark.usefixtures("answered")
def test_every_output_topic_has_the_stamp_of_its_image(client):
    topics = ("points", "scene_points", "label_image", "overlay")

    def stamps(topic):
        return {(m.header.stamp.sec, m.header.stamp.nanosec) for m in client.heard[topic]}

    # A message of one topic may be lost on a busy machine, so some answer has to be whole.
    client.wait(lambda: set.intersection(*map(stamps, ("instances", *topics))), client.send)
    client.wait(lambda: client.heard["markers"], client.send)
    labels = client.heard["label_image"][-1]
    pixels = np.frombuffer(labels.data, np.uint16).reshape(120, 160)
    assert labels.encoding == "16UC1"
    np.testing.assert_array_equal(pixels > 0, picture()[..., 0] == 220)
    _, _, ids = points_from_cloud(client.heard["points"][-1])
    assert set(ids) == {pixels.max()}
    scene, _, _ = points_from_cloud(client.heard["scene_points"][-1])
    assert len(scene)
    assert scene[:, 2].min() > 0.9
    assert [m.ns for m in client.heard["markers"][-1].markers] == ["", "boxes", "labels"]


@pytest.mark.usefixtures("answered")
def test_the_active_instruction_is_latched(client):
    assert client.heard["active_instruction"][-1].data == "the red thing"


@pytest.mark.usefixtures("answered")
def test_an_id_is_kept_over_the_stream(client):
    client.wait(lambda: len(client.heard["instances"]) > 4, client.send)
    assert len({i.id for a in client.heard["instances"] for i in a.instances}) == 1


@pytest.mark.usefixtures("answered")
def test_the_service_answers_without_touching_the_active_instruction(client):
    response = client.ask("the blue thing")
    assert (response.error_code, response.error_msg) == (SegmentOnce.Response.ERROR_NONE, "")
    assert [i.phrase for i in response.result.instances] == ["blue"]
    client.heard["instances"].clear()
    answer = client.wait(lambda: client.heard["instances"], client.send)[-1]
    assert answer.instruction == "the red thing"


def test_nothing_found_is_an_answer(client):
    response = client.ask("the green thing")
    assert response.error_code == SegmentOnce.Response.ERROR_NONE
    assert response.result.status == InstanceArray.STATUS_NO_TARGET
    assert not response.result.instances


def test_the_action_segments_a_frame_that_it_is_given(client):
    header = client.header()
    stages = []
    handle = client.goal(
        "everything",
        feedback=lambda m: stages.append(m.feedback.stage),
        image=image_from_array(picture(), "rgb8", header),
        depth=image_from_array(depth_mm(), "16UC1", header),
        camera_info=info_from_intrinsics(CAMERA, header),
    )
    reply = client.result_of(handle.get_result_async())
    assert reply.status == ACTION_SUCCEEDED
    assert sorted(i.phrase for i in reply.result.result.instances) == ["blue", "red"]
    assert reply.result.result.header.stamp == header.stamp
    client.wait(lambda: "lift" in stages)
    assert stages[0] == "waiting"


def test_a_target_frame_that_cannot_be_reached_is_an_error_not_an_empty_answer(client):
    header = client.header()
    handle = client.goal("everything", target_frame="map", image=image_from_array(picture(), "rgb8", header))
    reply = client.result_of(handle.get_result_async())
    assert reply.status == ACTION_ABORTED
    assert reply.result.error_code == Segment.Result.ERROR_TRANSFORM
    assert reply.result.error_msg
    assert not reply.result.result.instances
