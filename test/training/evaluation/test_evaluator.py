import dataclasses

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import RefinementSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.evaluation import evaluator
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.types import CameraModel, Instance, Segmentation, Status

H, W = 10, 20


def columns(x0, x1):
    """One mask [1, H, W] of columns x0..x1."""
    mask = np.zeros((1, H, W), bool)
    mask[:, :, x0:x1] = True
    return mask


class Fixed:
    """A segmenter that always answers with the columns 4..14."""

    name = "fixed"

    def encode(self, rgb):
        return rgb.shape

    def segment(self, features, instruction, *, previous=None, cancel=None):
        box = np.array([4, 0, 14, H], np.float32)
        return Segmentation((Instance(columns(4, 14)[0], box, 0.9, instruction),), "", Status.OK)


def sample(ignore=None, record="[0]"):
    return Sample(
        image="a.png",
        read=lambda: np.zeros((H, W, 3), np.uint8),
        instruction="the cup",
        phrases=(Phrase("the cup", lambda: columns(0, 10)),),
        ignore=ignore,
        record=record,
        source="a set",
    )


def test_ignored_pixels_of_a_sample_reach_the_metrics():
    evaluation = evaluate(Fixed(), [sample(), sample(lambda: columns(8, 12))])
    assert [score.united_iou for score in evaluation.scores] == [6 / 14, 4 / 10]
    assert evaluation.metrics.giou == pytest.approx((6 / 14 + 4 / 10) / 2)
    assert evaluation.images == 1


def test_instructions_that_are_repeated_are_counted():
    other = dataclasses.replace(sample(), instruction="a cup")
    elsewhere = dataclasses.replace(sample(), image="b.png")
    assert evaluate(Fixed(), [sample(), other, elsewhere]).repeated == 0
    assert evaluate(Fixed(), [sample(), other, sample(), sample(), elsewhere]).repeated == 2


def test_an_ignore_mask_of_another_size_is_a_broken_record():
    broken = BrokenRecords()
    odd = sample(lambda: np.zeros((1, 3, 3), bool), "[1]")
    assert len(evaluate(Fixed(), [sample(), odd], broken=broken).scores) == 1
    assert broken.problems == ["a set: [1]: masks of (3, 3) pixels for an image of (10, 20)"]


CAMERA = CameraModel(W, H, 10.0, 10.0, 10.0, 5.0)


def with_depth(size=(H, W)):
    return dataclasses.replace(sample(), depth=lambda: (np.full(size, 0.8, np.float32), CAMERA))


def test_answers_are_refined_by_depth_before_they_are_scored(monkeypatch):
    def shift(frame, answer, refinement):
        assert (frame.rgb.shape, frame.intrinsics, refinement) == ((H, W, 3), CAMERA, RefinementSettings())
        box = np.array([0, 0, 10, H], np.float32)
        return Segmentation((Instance(columns(0, 10)[0], box, 0.9, ""),), "", answer.status)

    monkeypatch.setattr(evaluator, "refine_with_depth", shift)
    assert evaluate(Fixed(), [with_depth()], refinement=RefinementSettings()).metrics.giou == 1.0
    assert evaluate(Fixed(), [with_depth()]).metrics.giou == pytest.approx(6 / 14), "only on request"


def test_depth_of_another_size_is_a_broken_record_and_no_depth_at_all_an_error():
    broken = BrokenRecords()
    samples = [with_depth(), dataclasses.replace(with_depth((3, 3)), image="b.png")]
    refined = evaluate(Fixed(), samples, broken=broken, refinement=RefinementSettings())
    assert len(refined.scores) == 1
    assert "depth is 3x3 but the image is 20x10" in broken.problems[0]
    with pytest.raises(InvalidInputError, match="no image has depth"):
        evaluate(Fixed(), [sample()], refinement=RefinementSettings())
