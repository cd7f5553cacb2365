"""A clicked object is found again where it is by now."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.pipeline import Pipeline
from instructsam_ros.prompt_requests import PromptRequest
from instructsam_ros.prompted_object import PromptedObject
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import CameraModel, Frame, Pose, Status, View

CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
DEPTH = 0.5
PIXEL = DEPTH / CAMERA.fx  # metres


def frame(*columns, size=20, depth=DEPTH):
    """Red squares from these columns on, at a depth."""
    rgb = np.full((120, 160, 3), 128, np.uint8)
    for column in columns:
        rgb[40 : 40 + size, max(0, column) : max(0, column + size)] = (220, 20, 20)
    readings = None if depth is None else np.full((120, 160), depth, np.float32)
    return Frame(rgb, readings, CAMERA, 1, "camera")


def moved(pixels):
    """The camera, moved so that things at DEPTH move so far to the left."""
    return View("odom", Pose(np.eye(3), np.array([pixels * PIXEL, 0.0, 0.0])))


class Stream:
    def __init__(self, point):
        self.object = PromptedObject(PromptRequest((point,)))
        self.pipeline = Pipeline(FakeSegmenter(), tracker=Tracker())

    def answer(self, frame, view=None):
        request = self.object.request(frame, view)
        return self.object.keep(self.pipeline.run(frame, "object", request=request, view=view), view)


def boxes(result):
    return [int(instance.box[0]) for instance in result.segmentation.instances]


def test_an_object_at_rest_keeps_its_id_while_another_takes_its_place_in_the_image():
    stream = Stream((30, 50))
    assert boxes(stream.answer(frame(20, 80), moved(0))) == [20]
    # The camera moves by 60 pixels: the other object now is where the first one was.
    second = stream.answer(frame(80, 140), moved(-60))
    assert (boxes(second), second.ids) == ([80], (1,))


def test_it_comes_back_after_it_was_out_of_view():
    stream = Stream((30, 50))
    stream.answer(frame(20), moved(0))
    away = stream.answer(frame(), moved(80))
    assert (away.segmentation.status, away.ids) == (Status.NO_TARGET, ())
    back = stream.answer(frame(20), moved(0))
    assert (boxes(back), back.ids) == ([20], (1,))


def test_without_depth_the_last_pixels_hold():
    stream = Stream((30, 50))
    for column in (20, 25, 30, 35):
        result = stream.answer(frame(column, 100, depth=None))
        assert (boxes(result), result.ids) == ([column], (1,))


def test_another_object_at_its_place_is_no_answer():
    stream = Stream((30, 50))
    stream.answer(frame(20, depth=0.5))
    swapped = stream.answer(frame(16, size=60, depth=0.9))
    assert (swapped.segmentation.status, boxes(swapped)) == (Status.NO_TARGET, [])


def test_a_click_on_nothing_waits_for_an_object_there():
    stream = Stream((30, 50))
    assert stream.answer(frame(100)).segmentation.status is Status.NO_TARGET
    assert boxes(stream.answer(frame(20, 100))) == [20]


@given(st.floats(-np.pi, np.pi), st.floats(-0.3, 0.3), st.floats(-0.05, 0.05), st.floats(-0.1, 0.1))
def test_the_next_prompt_is_in_the_image_and_its_point_in_its_box(roll, yaw, x, z):
    stream = Stream((30, 50))
    stream.answer(frame(20), moved(0))
    turns = [
        np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]),
        np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]),
    ]
    view = View("odom", Pose(turns[0] @ turns[1], np.array([x, 0.0, z])))
    request = stream.object.request(frame(), view)
    if isinstance(request, PromptRequest):
        request.check(FakeSegmenter(), (120, 160))
        (((px, py),), (box,)) = request.points, request.boxes
        assert box[0] <= px < box[2]
        assert box[1] <= py < box[3]
