"""InstanceArray of a result: frames, flags, and instances without geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from instructsam_ros.msg import Instance
from instructsam_ros.ros.conversions import mask_from_messages, points_from_cloud
from instructsam_ros.ros.output.messages import box_messages, flags_of, header_of, instance_array
from instructsam_ros.types import IDENTITY
from test.ros.output.frame_results import FLAT, HEIGHT, TURNED, WIDTH, block, frame_result


def test_the_message_holds_the_whole_result():
    result = frame_result(FLAT, [block()], [0.75])
    result.messages.image.header.stamp.sec = 7
    message = instance_array(result)
    assert (message.image_height, message.image_width, message.instruction) == (HEIGHT, WIDTH, "mug")
    assert message.header == header_of(result)
    assert message.header.stamp.sec == 7
    assert {timing.stage for timing in message.timings} == set(result.result.timings)
    (instance,) = message.instances
    assert (instance.id, instance.phrase, instance.score) == (1, "mug", 0.75)
    np.testing.assert_array_equal(mask_from_messages(instance.box, instance.mask, (HEIGHT, WIDTH)), block())


def test_geometry_is_in_the_target_frame():
    """What lies 0.8 m before the camera lies 0.8 m along x from its place."""
    here, there = (
        instance_array(frame_result(FLAT, [block()], [0.9], pose=pose)).instances[0]
        for pose in (IDENTITY, TURNED)
    )
    assert here.centroid.z == pytest.approx(0.8)
    assert there.centroid.x == pytest.approx(1.8)
    points, turned = (points_from_cloud(instance.points)[0] for instance in (here, there))
    np.testing.assert_allclose(turned, TURNED.apply(points), atol=1e-5)
    assert (there.size.x, there.size.y, there.size.z) == (here.size.x, here.size.y, here.size.z)


@pytest.mark.parametrize("depth", [None, np.full((HEIGHT, WIDTH), np.nan, np.float32)], ids=["none", "nan"])
@pytest.mark.parametrize("pose", [IDENTITY, TURNED], ids=["camera", "turned"])
def test_an_instance_without_readings_has_no_position(depth, pose):
    (instance,) = instance_array(frame_result(depth, [block()], [0.9], pose=pose)).instances
    for place in (instance.centroid, instance.pose.position):
        assert np.isnan([place.x, place.y, place.z]).all()
    turn = instance.pose.orientation
    assert (turn.x, turn.y, turn.z, turn.w) == (0.0, 0.0, 0.0, 1.0)
    assert (instance.size.x, instance.size.y, instance.size.z) == (0.0, 0.0, 0.0)


def test_flags_are_bits():
    (border,) = frame_result(FLAT, [block(rows=slice(0, 9))], [0.9]).result.lifted.instances
    (flat,) = frame_result(None, [block()], [0.9]).result.lifted.instances
    assert flags_of(border) & Instance.FLAG_TRUNCATED
    assert not flags_of(border) & Instance.FLAG_NO_DEPTH
    assert flags_of(flat) == Instance.FLAG_NO_DEPTH | Instance.FLAG_LOW_DEPTH


def test_depth_of_another_frame_is_flagged():
    result = frame_result(FLAT, [block()], [0.9])
    info = CameraInfo(header=Header(frame_id="camera"))
    for frame_id, flag in (("camera", 0), ("depth_camera", Instance.FLAG_OTHER_FRAME)):
        depth = Image(header=Header(frame_id=frame_id))
        messages = replace(result.messages, depth=depth, info=info)
        (instance,) = instance_array(replace(result, messages=messages)).instances
        assert instance.flags & Instance.FLAG_OTHER_FRAME == flag


def test_the_box_of_an_instance_without_one_is_an_error():
    (flat,) = frame_result(None, [block()], [0.9]).result.lifted.instances
    with pytest.raises(ValueError, match="no box"):
        box_messages(flat, IDENTITY)
