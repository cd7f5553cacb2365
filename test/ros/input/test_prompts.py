"""Clicks and prompts into pixels of an image; what cannot be used is refused with its reason."""

import numpy as np
import pytest
from geometry_msgs.msg import Point, PointStamped
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.lifting import pixel_rays
from instructsam_ros.prompt_requests import PromptRequest
from instructsam_ros.ros.errors import PromptError, TransformError
from instructsam_ros.ros.input.prompts import Click, place, read_click, read_prompts_text
from instructsam_ros.types import CameraModel, Frame, Pose
from test.ros.conftest import CAMERA, picture

BENT = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5, "plumb_bob", (-0.2, 0.05, 0.0, 0.0, 0.0))
unit = st.floats(-1.0, 1.0)


def frame(camera=CAMERA):
    return Frame(picture(), intrinsics=camera, stamp_ns=1, frame_id="camera")


def unknown(source):
    raise TransformError(f"no transform from {source!r}")


@given(
    st.integers(0, 159),
    st.integers(0, 119),
    st.floats(0.1, 20.0),
    st.tuples(unit, unit, unit),
    st.tuples(unit, unit, unit),
    st.sampled_from([CAMERA, BENT]),
)
def test_a_click_on_what_a_pixel_shows_is_that_pixel_from_any_frame(column, row, metres, turn, shift, camera):
    x, y = pixel_rays(camera)[row, column].astype(float)
    in_camera = np.array([x, y, 1.0]) * metres
    base = Pose(Rotation.from_rotvec(turn).as_matrix(), np.array(shift))  # pose of the base in the camera's
    in_base = base.rotation.T @ (in_camera - base.translation)
    asked = []

    def look_up(source):
        asked.append(source)
        return base

    for click in (Click(tuple(in_base), "base"), Click(tuple(in_camera), "camera")):
        request = place(click, frame(camera), FakeSegmenter(), look_up)
        np.testing.assert_allclose(request.points, [(column, row)], atol=0.05)
    assert asked == ["base"]


@pytest.mark.parametrize(
    ("click", "camera", "said"),
    [
        (Click((0.0, 0.0, -1.0), "camera"), CAMERA, r"behind the camera: 0.000, 0.000, -1.000 m"),
        (Click((0.0, 0.0, 0.0), "camera"), CAMERA, "behind the camera"),
        (Click((5.0, 0.0, 1.0), "camera"), CAMERA, "outside of the image"),
        (Click((0.0, 0.0, 1.0), "camera"), None, "needs camera_info"),
        (Click((0.0, 0.0, 1.0), "map"), CAMERA, "no transform from 'map'"),
        (PromptRequest(((160, 1),)), CAMERA, "160,1 is not in the image of 160x120"),
        (PromptRequest(((1, 1),), (0,)), CAMERA, "give a point on the object"),
    ],
)
def test_what_the_image_does_not_show_is_refused(click, camera, said):
    with pytest.raises(PromptError, match=said) as caught:
        place(click, frame(camera), FakeSegmenter(), unknown)
    assert caught.value.prompt is click


def test_a_model_without_the_capability_is_named():
    class Plain:
        name = "plain"

    with pytest.raises(PromptError, match="plain takes no points and boxes"):
        place(PromptRequest(((1, 1),)), frame(), Plain(), unknown)


def test_a_click_is_read():
    message = PointStamped(header=Header(frame_id="map"), point=Point(x=1.0, y=2.0, z=3.0))
    assert read_click(message) == Click((1.0, 2.0, 3.0), "map")
    assert read_click(message).text == "object at 1.000,2.000,3.000 in map"
    with pytest.raises(PromptError, match="no frame_id"):
        read_click(PointStamped(point=Point(x=1.0)))
    message.point.z = float("nan")
    with pytest.raises(PromptError, match="is no place"):
        read_click(message)


def test_prompts_are_read():
    text = "{points: [[320, 240.5], [400, 250]], labels: [1, 0], boxes: [[1, 2, 3, 4]]}"
    assert read_prompts_text(text) == PromptRequest(
        ((320.0, 240.5), (400.0, 250.0)), (1, 0), ((1.0, 2.0, 3.0, 4.0),)
    )
    assert read_prompts_text('{"points": [[1, 2]]}') == PromptRequest(((1.0, 2.0),))
    assert read_prompts_text("") is None


@pytest.mark.parametrize(
    "text",
    ["[", "[1, 2]", "{point: [1, 2]}", "{points: [1, 2]}", "{points: [[1, .nan]]}", "{points: [[1, 2, 3]]}",
     "{points: [[1, 2]], labels: [yes]}", "{boxes: [[0, 0, 1, 1], [0, 0, 1, 1]]}"],
)  # fmt: skip
def test_odd_prompts_are_refused(text):
    with pytest.raises(PromptError):
        read_prompts_text(text)
