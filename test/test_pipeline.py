from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.errors import CancelledError, InvalidInputError
from instructsam_ros.lifting import LiftSettings, RefinementSettings
from instructsam_ros.lifting.plane import support_plane
from instructsam_ros.pipeline import STAGES, Pipeline
from instructsam_ros.propagated_answers import AnswerPropagator
from instructsam_ros.segmenter import raise_if_cancelled
from instructsam_ros.tracking.propagation import PropagatedMask
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box


class Halves:
    """Answers "left", "right" and "both" with halves of the image, and counts what it is asked."""

    name = "halves"

    def __init__(self, timings=None):
        self.encoded = 0
        self.previous = []
        self.timings = timings or {}

    def encode(self, rgb):
        self.encoded += 1
        return rgb.shape[:2]

    def segment(self, features, instruction, *, previous=None, cancel=None):
        raise_if_cancelled(cancel)
        self.previous.append(previous)
        sides = {"left": [0], "right": [1], "both": [0, 1], "swapped": [1, 0]}.get(instruction, [])
        instances = []
        for side in sides:
            mask = np.zeros(features, bool)
            mask[4:-4, 16 * side + 4 : 16 * side + 12] = True
            instances.append(Instance(mask, tight_box(mask), 0.9, "half"))
        status = Status.OK if instances else Status.NO_TARGET
        return Segmentation(tuple(instances), instruction, status, self.timings)


@pytest.fixture
def frame():
    depth = np.full((24, 32), 0.8, np.float32)
    return Frame(np.zeros((24, 32, 3), np.uint8), depth, CameraModel(32, 24, 30.0, 30.0, 16.0, 12.0))


def test_a_result_holds_all_that_was_found(frame):
    result = Pipeline(Halves()).run(frame, "  both ")
    assert result.instruction == "both"
    assert result.frame is frame
    assert result.ids == (1, 2)
    assert result.lifted.instances[1].centroid[0] > result.lifted.instances[0].centroid[0]
    assert list(result.timings) == list(STAGES)


def test_the_box_is_that_of_the_object_without_stray_pixels(frame):
    class Stray(Halves):
        def segment(self, features, instruction, *, previous=None, cancel=None):
            found = super().segment(features, instruction).instances[0]
            mask = found.mask.copy()
            mask[2, 25:28] = True
            return Segmentation((replace(found, mask=mask, box=tight_box(mask)),), "", Status.OK)

    clean, stray = (Pipeline(model()).run(frame, "left") for model in (Halves, Stray))
    assert stray.segmentation.instances[0].box.tolist() == [4, 4, 12, 20]
    np.testing.assert_array_equal(stray.segmentation.instances[0].mask, clean.segmentation.instances[0].mask)


def test_no_target_is_a_result(frame):
    result = Pipeline(Halves()).run(frame, "the moon")
    assert result.segmentation.status is Status.NO_TARGET
    assert result.lifted.instances == ()


def test_a_frame_without_depth_is_segmented(frame):
    result = Pipeline(Halves()).run(Frame(frame.rgb), "left")
    assert result.lifted.instances[0].no_depth


def test_a_frame_is_encoded_once_for_several_instructions(frame):
    segmenter = Halves()
    pipeline = Pipeline(segmenter)
    features = pipeline.encode(frame)
    results = [pipeline.run(frame, text, features=features) for text in ("left", "right")]
    assert segmenter.encoded == 1
    assert all("encode" not in result.timings for result in results)


def test_the_stages_of_the_segmenter_are_reported(frame):
    timings = Pipeline(Halves({"generate": 0.5, "masks": 0.1})).run(frame, "left").timings
    assert list(timings) == ["encode", "generate", "masks", "lift"]
    assert timings["generate"] == 0.5


def test_the_last_answer_is_handed_on(frame):
    segmenter = Halves()
    pipeline = Pipeline(segmenter)
    first = pipeline.run(frame, "left")
    pipeline.run(frame, "left", previous=first.segmentation)
    assert segmenter.previous == [None, first.segmentation]


def test_stages_are_announced_in_order(frame):
    seen = []
    Pipeline(Halves()).run(frame, "left", on_stage=seen.append)
    assert tuple(seen) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_cancelling_stops_before_the_next_stage(frame, stage):
    seen = []
    limit = STAGES.index(stage)
    with pytest.raises(CancelledError):
        Pipeline(Halves()).run(frame, "left", on_stage=seen.append, cancel=lambda: len(seen) >= limit)
    assert stage not in seen


def test_ids_follow_objects_with_a_tracker_and_count_without(frame):
    tracked, plain = Pipeline(Halves(), tracker=Tracker()), Pipeline(Halves())
    assert tracked.run(frame, "both").ids == plain.run(frame, "both").ids == (1, 2)
    # The instruction decides the order here, so the tracker is told that it is the same one.
    tracked.tracker.update(
        "swapped", [i.instance for i in plain.run(frame, "both").lifted.instances], [np.zeros(3)] * 2
    )
    assert tracked.run(frame, "swapped").ids == (2, 1)
    assert plain.run(frame, "swapped").ids == (1, 2)


def test_gravity_reaches_the_boxes(frame):
    up = np.array([0.0, -1.0, 0.0])
    box = Pipeline(Halves()).run(frame, "left", up_direction=up).lifted.instances[0].box
    np.testing.assert_allclose(box.rotation[:, 2], up, atol=1e-9)


def test_the_scene_of_a_result_is_without_its_targets(frame):
    pipeline = Pipeline(Halves())
    all_of_it, _ = pipeline.scene_points(pipeline.run(frame, "nothing"))
    rest, _ = pipeline.scene_points(pipeline.run(frame, "both"))
    assert len(all_of_it) == 24 * 32
    assert len(rest) < len(all_of_it)


def test_an_empty_instruction_is_refused_before_any_work(frame):
    segmenter = Halves()
    with pytest.raises(InvalidInputError):
        Pipeline(segmenter).run(frame, "  ")
    assert segmenter.encoded == 0


def test_masks_are_refined_before_they_are_lifted(frame, monkeypatch):
    settings, calls = RefinementSettings(min_height=0.02), []

    def keep_first(frame_, segmentation, plane, refinement, lift_settings):
        calls.append((frame_, refinement, lift_settings))
        return replace(segmentation, instances=segmentation.instances[:1])

    monkeypatch.setattr("instructsam_ros.pipeline.refine_on_plane", keep_first)
    pipeline = Pipeline(Halves(), refinement=settings)
    result = pipeline.run(frame, "both")
    assert calls == [(frame, settings, pipeline.lift_settings)]
    assert len(result.segmentation.instances) == len(result.lifted.instances) == 1
    assert len(Pipeline(Halves()).run(frame, "both").ids) == 2, "not unless it is asked for"


def test_one_plane_serves_refinement_and_boxes(frame, monkeypatch):
    fits = []

    def count(*arguments, **options):
        fits.append(len(arguments[1]))
        return support_plane(*arguments, **options)

    monkeypatch.setattr("instructsam_ros.lifting.scene_plane.support_plane", count)
    without_margin = LiftSettings(scene_margin_px=0)  # else nothing of the small scene is left
    result = Pipeline(Halves(), without_margin, refinement=RefinementSettings()).run(frame, "both")
    assert fits == [2]
    assert result.lifted.plane is not None


class Still:
    """Leaves masks where they are."""

    def start(self, rgb, masks, ids, depth=None):
        self.masks = dict(zip(ids, masks, strict=True))

    def follow(self, rgb, depth=None):
        return {number: PropagatedMask(mask, 0.9) for number, mask in self.masks.items()}


def test_between_inferences_answers_are_followed_lifted_and_tracked(frame):
    model = Halves()
    pipeline = Pipeline(model, tracker=Tracker(), propagation=AnswerPropagator(Still(), refresh=3))
    results = [pipeline.run(frame, "both") for _ in range(5)]
    assert [result.followed for result in results] == [False, True, True, False, True]
    assert model.encoded == 2
    assert {result.ids for result in results} == {(1, 2)}
    assert list(results[1].timings) == ["follow", "lift"]
    for one, two in zip(results[0].lifted.instances, results[1].lifted.instances, strict=True):
        np.testing.assert_array_equal(one.points, two.points)


def test_what_was_refined_is_followed_and_not_refined_again(monkeypatch, frame):
    refined = []

    def refine(frame, segmentation, *_):
        refined.append(segmentation)
        return replace(segmentation, instances=segmentation.instances[:1])

    monkeypatch.setattr("instructsam_ros.pipeline.refine_on_plane", refine)
    pipeline = Pipeline(
        Halves(), refinement=RefinementSettings(), propagation=AnswerPropagator(Still(), refresh=9)
    )
    results = [pipeline.run(frame, "both") for _ in range(3)]
    assert len(refined) == 1
    assert [len(result.segmentation.instances) for result in results] == [1, 1, 1]
