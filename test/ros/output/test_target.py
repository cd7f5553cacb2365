"""Messages of the one chosen instance."""

from dataclasses import replace

import numpy as np

from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.ros.output.target import target_mask, target_points, target_pose
from test.ros.output.frame_results import FLAT, HEIGHT, TURNED, WIDTH, block, frame_result


def chosen(depth=FLAT, **fields):
    result = frame_result(depth, [block()], [0.9], **fields)
    result.messages.image.header.stamp.sec = 7
    return replace(result, target=result.result.lifted.instances[0])


def test_the_mask_has_size_stamp_and_frame_of_the_image():
    mask = target_mask(chosen(pose=TURNED))
    assert (mask.height, mask.width, mask.encoding) == (HEIGHT, WIDTH, "mono8")
    assert (mask.header.stamp.sec, mask.header.frame_id) == (7, "camera")
    pixels = np.frombuffer(mask.data, np.uint8).reshape(HEIGHT, WIDTH)
    np.testing.assert_array_equal(pixels, block() * np.uint8(255))


def test_points_and_pose_are_in_the_frame_of_the_output():
    result = chosen(pose=TURNED)
    points, _, _ = points_from_cloud(target_points(result))
    np.testing.assert_allclose(points, TURNED.apply(result.target.points), atol=1e-5)
    place = target_pose(result).pose.position
    np.testing.assert_allclose([place.x, place.y, place.z], TURNED.apply(result.target.box.centre))


def test_no_target_is_an_empty_mask_and_cloud_and_no_pose():
    result = replace(chosen(), target=None)
    assert not any(target_mask(result).data)
    assert target_points(result).width == 0
    assert target_pose(result) is None
    assert target_pose(chosen(np.full((HEIGHT, WIDTH), np.nan, np.float32))) is None
