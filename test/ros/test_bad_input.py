"""The node counts bad input, reports the reason, and answers the next valid request."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from instructsam_ros.action import Segment
from instructsam_ros.msg import Instance
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.errors import STATUS_ERROR
from instructsam_ros.srv import SegmentOnce
from instructsam_ros.types import CameraModel
from test.ros.conftest import CAMERA, depth_mm, picture

OTHER_SIZE = CameraModel(80, 60, 75.0, 75.0, 39.5, 29.5)


def answers(client) -> bool:
    response = client.ask("the red thing")
    return response.error_code == 0 and [i.phrase for i in response.result.instances] == ["red"]


@pytest.fixture
def streaming(client):
    client.wait(
        lambda: client.heard["active_instruction"],
        lambda: client.instruction.publish(String(data="the red thing")),
    )
    return client


def wrong_encoding(client) -> None:
    header = client.header()
    image = image_from_array(picture(), "rgb8", header)
    image.encoding = "flir9"
    client.depth.publish(image_from_array(depth_mm(), "16UC1", header))
    client.image.publish(image)


def short_buffer(client) -> None:
    header = client.header()
    image = image_from_array(picture(), "rgb8", header)
    image.data = bytes(100)
    client.depth.publish(image_from_array(depth_mm(), "16UC1", header))
    client.image.publish(image)


def depth_of_another_size(client) -> None:
    client.send(depth=depth_mm()[:60, :80].copy())


def camera_info_of_another_size(client) -> None:
    client.send(camera=OTHER_SIZE)


def uncalibrated_camera(client) -> None:
    header = client.header()
    client.info.publish(CameraInfo(header=header, width=160, height=120))
    client.depth.publish(image_from_array(depth_mm(), "16UC1", header))
    client.image.publish(image_from_array(picture(), "rgb8", header))


@pytest.mark.parametrize(
    ("send", "said"),
    [
        (depth_of_another_size, "depth is 80x60 but the image is 160x120"),
        (camera_info_of_another_size, "camera_info is for 80x60"),
        (uncalibrated_camera, "not calibrated"),
    ],
)
def test_unusable_depth_or_camera_info_gives_masks_and_a_standing_warning(streaming, send, said):
    def flat():
        return [
            i
            for answer in streaming.heard["instances"]
            for i in answer.instances
            if i.flags & Instance.FLAG_NO_DEPTH and i.mask.data and not i.points.data
        ]

    failed = streaming.count("invalid_input")
    streaming.heard["instances"].clear()
    streaming.wait(
        lambda: flat() and said in streaming.diagnostics()["camera"].message, lambda: send(streaming)
    )
    assert streaming.count("invalid_input") == failed
    # Topics are not ordered among each other: the good image may come before the good camera_info.
    assert streaming.wait(lambda: answers(streaming), streaming.send)
    streaming.wait(lambda: said not in streaming.diagnostics()["camera"].message, streaming.send)


@pytest.mark.parametrize("send", [wrong_encoding, short_buffer], ids=lambda f: f.__name__)
def test_an_unusable_frame_is_counted_and_the_next_one_answered(streaming, send):
    before = streaming.count("invalid_input")
    streaming.wait(lambda: streaming.count("invalid_input") > before, lambda: send(streaming))
    assert "InvalidInputError" in streaming.diagnostics()["node"].message
    assert streaming.wait(lambda: answers(streaming), streaming.send)


def test_depth_of_nan_gives_masks_flagged_low_depth(client):
    client.wait(client.service.service_is_ready)
    future = client.service.call_async(SegmentOnce.Request(instruction="the red thing"))
    nothing = np.full((120, 160), np.nan, np.float32)
    client.wait(future.done, lambda: client.send(depth=nothing))
    # The frame before this test may have answered; ask again with only NaN frames on the topic.
    future = client.service.call_async(SegmentOnce.Request(instruction="the red thing"))
    client.wait(future.done, lambda: client.send(depth=nothing))
    (found,) = future.result().result.instances
    assert found.flags & Instance.FLAG_LOW_DEPTH
    assert not found.points.data
    assert answers(client)


def test_without_depth_there_are_masks_and_a_warning_in_diagnostics(streaming):
    without = streaming.count("without_depth")

    def image_alone():
        streaming.image.publish(image_from_array(picture(), "rgb8", streaming.header()))

    streaming.heard["instances"].clear()
    found = streaming.wait(
        lambda: next(
            (
                i
                for a in streaming.heard["instances"]
                for i in a.instances
                if i.flags & Instance.FLAG_NO_DEPTH
            ),
            None,
        ),
        image_alone,
    )
    assert found.mask.data
    assert not found.points.data
    streaming.wait(lambda: "no depth" in streaming.diagnostics()["camera"].message, image_alone)
    assert streaming.count("without_depth") > without
    assert answers(streaming)


def test_an_unusable_instruction_is_counted_and_the_active_one_kept(streaming):
    text = "x" * 10_000
    before = streaming.count("invalid_instruction")
    active = streaming.heard["active_instruction"][-1].data
    streaming.instruction.publish(String(data=text))
    streaming.wait(lambda: streaming.count("invalid_instruction") > before)
    assert streaming.heard["active_instruction"][-1].data == active
    response = streaming.ask(text)
    assert response.error_code == SegmentOnce.Response.ERROR_INVALID_INSTRUCTION
    assert answers(streaming)


@pytest.mark.parametrize("text", ["", "   "], ids=["empty", "blank"])
def test_an_empty_request_is_refused(streaming, text):
    assert streaming.ask(text).error_code == SegmentOnce.Response.ERROR_INVALID_INSTRUCTION


def test_an_unplugged_camera_is_reported_and_a_request_gets_no_frame(client):
    client.wait(lambda: "no image for" in client.diagnostics()["camera"].message)
    future = client.service.call_async(SegmentOnce.Request(instruction="the red thing"))
    response = client.result_of(future)
    assert response.error_code == SegmentOnce.Response.ERROR_NO_FRAME
    assert "camera" in response.error_msg
    client.wait(lambda: client.count("no_frame"))
    assert answers(client)
    client.wait(lambda: "unplugged" not in client.diagnostics()["camera"].message, client.send)


def test_a_given_frame_that_is_unusable_is_refused_with_its_reason(client):
    header = client.header()
    handle = client.goal(
        "the red thing",
        image=image_from_array(picture(), "rgb8", header),
        depth=image_from_array(depth_mm()[:10].copy(), "16UC1", header),
        camera_info=info_from_intrinsics(CAMERA, header),
    )
    result = client.result_of(handle.get_result_async()).result
    assert result.error_code == SegmentOnce.Response.ERROR_INVALID_INPUT
    assert "aligned" in result.error_msg


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("depth",), "no image"),
        (("camera_info",), "no image"),
        (("depth", "camera_info"), "no image"),
        (("image", "depth", "flat_info"), "160x0"),
        (("flat_image",), "0"),
    ],
)
def test_a_given_frame_without_all_of_its_parts_is_an_error(client, parts, said):
    header = client.header()
    flat_info = info_from_intrinsics(CAMERA, header)
    flat_info.height = 0
    fields = {
        "image": image_from_array(picture(), "rgb8", header),
        "flat_image": Image(header=header, width=160, encoding="rgb8", data=bytes(480)),
        "depth": image_from_array(depth_mm(), "16UC1", header),
        "camera_info": info_from_intrinsics(CAMERA, header),
        "flat_info": flat_info,
    }
    given = {part.replace("flat_info", "camera_info").replace("flat_", ""): fields[part] for part in parts}
    handle = client.goal("the red thing", **given)
    result = client.result_of(handle.get_result_async()).result
    assert result.error_code == SegmentOnce.Response.ERROR_INVALID_INPUT, result.error_msg
    assert said in result.error_msg


def test_depth_in_another_tf_frame_is_flagged_and_warned_of(streaming, node):
    def send():
        header = streaming.header()
        other = Header(stamp=header.stamp, frame_id="depth_frame")
        streaming.info.publish(info_from_intrinsics(CAMERA, header))
        streaming.depth.publish(image_from_array(depth_mm(), "16UC1", other))
        streaming.image.publish(image_from_array(picture(), "rgb8", header))

    streaming.wait(lambda: "depth is in 'depth_frame'" in streaming.diagnostics()["camera"].message, send)
    assert node.log.read_text().count("depth is in 'depth_frame'") == 1

    def flagged():
        newest = streaming.heard["instances"][-1].instances
        return newest and all(i.flags & Instance.FLAG_OTHER_FRAME for i in newest)

    streaming.wait(flagged, send)  # an answer to a frame before may have come late
    assert answers(streaming)


def test_a_negative_stamp_is_counted_and_reported(streaming):
    before = streaming.count("invalid_input")

    def send():
        header = Header(frame_id=streaming.header().frame_id)
        header.stamp.sec = -1
        streaming.image.publish(image_from_array(picture(), "rgb8", header))

    streaming.wait(lambda: streaming.count("invalid_input") > before, send)
    assert "negative stamp" in streaming.diagnostics()["node"].message
    assert answers(streaming)


@pytest.mark.parametrize("target", ["", "map"])
def test_a_given_image_with_a_negative_stamp_is_refused(client, node, target):
    header = Header(frame_id=client.header().frame_id)
    header.stamp.sec = -1
    image = image_from_array(picture(), "rgb8", header)
    handle = client.goal("the red thing", image=image, target_frame=target)
    result = client.result_of(handle.get_result_async()).result
    assert result.error_code == SegmentOnce.Response.ERROR_INVALID_INPUT, result.error_msg
    assert "the goal's image has a negative stamp (-1.000 s)" in result.error_msg
    assert "Traceback" not in node.log.read_text()


def test_a_negative_time_budget_is_refused(client):
    handle = client.goal("the red thing", budget=-1.0)
    result = client.result_of(handle.get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_INVALID_INPUT
    assert "time_budget is -1 s" in result.error_msg
    assert result.result.status == STATUS_ERROR
