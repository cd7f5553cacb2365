"""What goes out for an answer, without a node."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from std_msgs.msg import Header

from instructsam_ros.lifting import LiftSettings
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.ros.conversions import image_from_array, points_from_cloud
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.output.markers import marker_array
from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.ros.output.publishers import label_message, points_message, scene_message
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.ros.transforms import IDENTITY, Pose
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box

HEIGHT, WIDTH = 24, 32
LENSES = [("", ()), ("plumb_bob", (-0.05, 0.01, 0.001, -0.001, 0.0)), ("equidistant", (0.01, 0.0, 0.0, 0.0))]
TURNED = Pose(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([1.0, 2.0, 3.0]))


class Given:
    """A segmenter whose answer is known."""

    name = "given"

    def __init__(self, instances) -> None:
        self._answer = Segmentation(tuple(instances), "", Status.OK)

    def encode(self, rgb):
        return rgb

    def segment(self, features, instruction, *, previous=None, cancel=None):
        return self._answer


def answer_of(depth, masks=(), scores=(), lens=LENSES[0], pose=IDENTITY) -> FrameResult:
    """The red channel of the image tells the row of a pixel, the green one its column."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = np.indices((HEIGHT, WIDTH))
    intrinsics = CameraModel(WIDTH, HEIGHT, 30.0, 31.0, 15.5, 11.5, *lens)
    instances = [Instance(m, tight_box(m), s, "mug") for m, s in zip(masks, scores, strict=True)]
    pipeline = Pipeline(Given(instances), LiftSettings(rim_px=0))
    result: Result = pipeline.run(Frame(rgb, depth, intrinsics, frame_id="camera"), "mug")
    messages = FrameMessages(image_from_array(rgb, "rgb8", Header(frame_id="camera")), None, None, 0.0)
    return FrameResult(result, pose, "camera", messages, pipeline)


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
    answer = answer_of(np.full((HEIGHT, WIDTH), 0.8, np.float32), masks, scores, lens, pose)
    labels = np.frombuffer(label_message(answer).data, np.uint16).reshape(HEIGHT, WIDTH)
    _, colors, ids = points_from_cloud(points_message(answer))
    rows, columns = colors[:, 0], colors[:, 1]
    np.testing.assert_array_equal(ids, labels[rows, columns])
    assert len(np.unique(colors, axis=0)) == len(colors) == np.count_nonzero(labels)


def test_a_pixel_of_two_masks_goes_to_the_higher_score_and_stays_in_both_instances():
    left, right = np.zeros((2, HEIGHT, WIDTH), bool)
    left[4:20, 4:20] = right[4:20, 12:28] = True
    answer = answer_of(np.full((HEIGHT, WIDTH), 0.8, np.float32), (left, right), (0.6, 0.9))
    _, _, ids = points_from_cloud(points_message(answer))
    assert (np.count_nonzero(ids == 1), np.count_nonzero(ids == 2)) == (16 * 8, 16 * 16)
    assert [instance.points.width for instance in instance_array(answer).instances] == [256, 256]


@pytest.mark.parametrize(
    "depth", [None, np.full((HEIGHT, WIDTH), np.nan, np.float32)], ids=["no depth", "no reading"]
)
@pytest.mark.parametrize("pose", [IDENTITY, TURNED], ids=["camera", "turned"])
def test_where_nothing_was_measured_no_place_is_told_and_the_scene_is_not_called_free(depth, pose):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:20, 4:20] = True
    answer = answer_of(depth, [mask], [0.9], pose=pose)
    (instance,) = instance_array(answer).instances
    for place in (instance.centroid, instance.pose.position):
        assert np.isnan([place.x, place.y, place.z]).all()
    turn = instance.pose.orientation
    assert (turn.x, turn.y, turn.z, turn.w) == (0.0, 0.0, 0.0, 1.0)
    assert (instance.size.x, instance.size.y, instance.size.z) == (0.0, 0.0, 0.0)
    assert scene_message(answer) is None
    assert points_message(answer).width == 0
    assert [marker.ns for marker in marker_array(answer).markers] == [""]


def test_with_depth_the_scene_is_told():
    assert scene_message(answer_of(np.full((HEIGHT, WIDTH), 0.8, np.float32))).width == HEIGHT * WIDTH
