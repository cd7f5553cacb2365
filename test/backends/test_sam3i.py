"""Sam3ISegmenter on the tiny golden model; the contract itself is in test/test_segmenter.py."""

import numpy as np
import pytest
import torch

from instructsam_ros.backends import sam3
from instructsam_ros.backends.sam3i import load
from instructsam_ros.errors import CheckpointError, ConfigError

torch.set_num_threads(1)
PLACE = "the mug to the left of the bowl"


@pytest.fixture(scope="module")
def segmenter(sam3i_folder):
    return load(str(sam3i_folder), "cpu", dtype="float32", score_threshold=0.01)


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def test_the_answer_says_which_route_ran(segmenter, rgb):
    features = segmenter.encode(rgb)
    answers = {
        text: segmenter.segment(features, text).answer
        for text in ("mug; bowl", PLACE, "something to cut bread with")
    }
    assert list(answers.values()) == [
        "[concept] mug; bowl",
        f"[simple] {PLACE}",
        "[complex] something to cut bread with",
    ]


def test_a_route_can_be_given_by_call_and_by_option(segmenter, sam3i_folder, rgb):
    features = segmenter.encode(rgb)
    by_call = segmenter.segment(features, PLACE, route="complex")
    fixed = load(str(sam3i_folder), "cpu", dtype="float32", score_threshold=0.01, route="complex")
    by_option = fixed.segment_image(rgb, PLACE)
    assert by_call.answer == by_option.answer == f"[complex] {PLACE}"
    assert [i.score for i in by_call.instances] == pytest.approx([i.score for i in by_option.instances])
    simple = segmenter.segment(features, PLACE)
    assert [i.score for i in simple.instances] != [i.score for i in by_call.instances]
    with pytest.raises(ConfigError, match="route 'fast' is not one of"):
        segmenter.segment(features, PLACE, route="fast")
    with pytest.raises(ConfigError, match="route 'fast' is not one of"):
        load(str(sam3i_folder), "cpu", route="fast")


def test_the_concept_route_is_sam3(segmenter, sam3i_folder, rgb):
    plain = sam3.load(str(sam3i_folder), "cpu", dtype="float32", score_threshold=0.01)
    expected, found = plain.segment_image(rgb, "red mug"), segmenter.segment_image(rgb, "red mug")
    assert expected.instances
    assert [i.score for i in found.instances] == [i.score for i in expected.instances]
    assert all(
        np.array_equal(a.mask, b.mask) for a, b in zip(found.instances, expected.instances, strict=True)
    )


def test_bfloat16_answers(sam3i_folder, rgb):
    model = load(str(sam3i_folder), "cpu", dtype="bfloat16", threads=1, score_threshold=0.01)
    for route in ("concept", "simple", "complex"):
        assert model.segment(model.encode(rgb), "mug", route=route).instances


def test_sam3_without_adapters_is_refused(sam3_folder):
    with pytest.raises(CheckpointError, match="take the backend sam3"):
        load(str(sam3_folder), "cpu")
