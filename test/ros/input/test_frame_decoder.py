"""What cannot be used of a frame is left out and named; what looks odd is warned of."""

from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import Header

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.frame_decoder import decode_frame, grey_warning
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.conftest import CAMERA, depth_mm, picture


def header(frame_id: str = "camera", seconds: int = 1) -> Header:
    stamped = Header(frame_id=frame_id)
    stamped.stamp.sec = seconds
    return stamped


def messages(depth=None, info=None, **image) -> FrameMessages:
    """A good frame, but for the given parts; image: fields of its header."""
    if depth is None:
        depth = image_from_array(depth_mm(), "16UC1", header())
    elif isinstance(depth, np.ndarray):
        depth = image_from_array(depth, "16UC1" if depth.dtype == np.uint16 else "32FC1", header())
    return FrameMessages(
        image=image_from_array(picture(), "rgb8", header(**image)),
        depth=depth,
        info=info_from_intrinsics(CAMERA, header()) if info is None else info,
        received=0.0,
    )


def camera_info(**changed):
    info = info_from_intrinsics(CAMERA, header())
    for name, value in changed.items():
        setattr(info, name, value)
    return info


def test_a_good_frame_has_depth_and_nothing_to_warn_of():
    decoded = decode_frame(messages(), NodeSettings())
    assert decoded.frame.depth[55, 45] == pytest.approx(0.5)
    assert decoded.frame.intrinsics == CAMERA
    assert (decoded.warnings, decoded.outside_limits) == ((), 0.0)


@pytest.mark.parametrize(
    ("depth", "said"),
    [
        (image_from_array(np.zeros((120, 160), np.uint8), "mono8", header()), "'mono8' is not supported"),
        (depth_mm()[:60, :80].copy(), "80x60 but the image is 160x120"),
    ],
    ids=["8 bit", "other size"],
)
def test_unusable_depth_leaves_a_flat_frame_with_a_warning(depth, said):
    decoded = decode_frame(messages(depth), NodeSettings())
    assert decoded.frame.depth is None
    assert decoded.frame.rgb.shape == (120, 160, 3)
    (warning,) = decoded.warnings
    assert said in warning
    assert "masks without points" in warning
    with pytest.raises(InvalidInputError, match=said):
        decode_frame(messages(depth), NodeSettings(), strict=True)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (camera_info(k=[0.0] * 9), "set rectified to true"),
        (camera_info(k=[0.0] * 9, p=[0.0] * 12), "not calibrated"),
        (camera_info(k=[np.nan] * 9), "not usable"),
        (camera_info(width=80), "80x120 but the image is 160x120"),
        (camera_info(distortion_model="omnidirectional", d=[0.1]), "'omnidirectional' is not supported"),
        (camera_info(d=[np.nan] * 5), "not all finite"),
    ],
    ids=["K of zeros", "uncalibrated", "NaN", "other size", "unknown lens", "NaN lens"],
)
def test_an_unusable_camera_info_leaves_a_flat_frame_with_a_warning(info, said):
    decoded = decode_frame(messages(info=info), NodeSettings())
    assert decoded.frame.intrinsics is None
    assert decoded.frame.depth is not None
    (warning,) = decoded.warnings
    assert said in warning
    with pytest.raises(InvalidInputError, match=said):
        decode_frame(messages(info=info), NodeSettings(), strict=True)


def test_an_unusable_image_is_refused():
    frame = messages()
    frame.image.encoding = "flir9"
    with pytest.raises(InvalidInputError, match="flir9"):
        decode_frame(frame, NodeSettings())


@pytest.mark.parametrize(
    ("depth", "scale"),
    [(depth_mm() * np.uint16(10), 0.0001), (depth_mm() // np.uint16(10), 0.01), (depth_mm() * 1.0, 0.001)],
    ids=["16UC1 in 0.1 mm", "16UC1 in cm", "32FC1 in mm"],
)
def test_depth_in_another_unit_is_warned_of_and_read_with_its_scale(depth, scale):
    depth = depth.astype(np.float32) if depth.dtype == float else depth
    far = NodeSettings(min_depth=0.2, max_depth=5.0)
    decoded = decode_frame(messages(depth), far)
    assert decoded.outside_limits > 0.5
    assert "is depth in another unit than depth_scale says?" in decoded.warnings[0]
    scaled = decode_frame(messages(depth), NodeSettings(depth_scale=scale))
    assert scaled.warnings == ()
    np.testing.assert_allclose(scaled.frame.depth, depth_mm() * 1e-3, rtol=1e-5)


def test_other_frame_ids_are_warned_of_or_refused():
    frame = messages(info=info_from_intrinsics(CAMERA, header("depth_frame")))
    (warning,) = decode_frame(frame, NodeSettings()).warnings
    assert "camera_info is in 'depth_frame' but the image is in 'camera'" in warning
    with pytest.raises(InvalidInputError, match="camera_info is in 'depth_frame', which require_same_frame"):
        decode_frame(frame, NodeSettings(require_same_frame=True))


def test_an_image_without_a_stamp_is_warned_of():
    (warning,) = decode_frame(messages(seconds=0), NodeSettings()).warnings
    assert "stamp is 0" in warning


def test_a_colour_asked_for_in_a_grey_image_is_warned_of():
    grey = np.repeat(np.arange(160, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(120, axis=0)
    assert "nothing in it is red" in grey_warning(grey, "the Red mug")
    assert grey_warning(grey, "the bored mug") == ""
    assert grey_warning(picture(), "the red mug") == ""
