"""Sam3Segmenter on the tiny golden model; the contract itself is in test/test_segmenter.py."""

import logging

import numpy as np
import pytest
import torch

from instructsam_ros.backends.sam3 import load, split_phrases
from instructsam_ros.errors import CheckpointError, ConfigError, InvalidInputError
from instructsam_ros.types import Status
from test.sam3_models import write_meta_file

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def segmenter(sam3_folder):
    return load(str(sam3_folder), "cpu", dtype="float32", score_threshold=0.01)


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def test_phrases_are_answered_as_if_asked_alone(segmenter, rgb):
    features = segmenter.encode(rgb)
    both = segmenter.segment(features, "mug; blue bowl ;mug")
    alone = [segmenter.segment(features, phrase) for phrase in ("mug", "blue bowl")]
    expected = [instance for answer in alone for instance in answer.instances]
    assert expected
    assert both.answer == "mug; blue bowl"
    assert [(i.phrase, i.score) for i in both.instances] == [(i.phrase, i.score) for i in expected]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(both.instances, expected, strict=True))


def test_all_queries_in_use_are_said(sam3_folder, rgb):
    eager = load(str(sam3_folder), "cpu", dtype="float32", score_threshold=0.0)
    assert eager.segment_image(rgb, "mug").status == Status.SATURATED
    strict = load(str(sam3_folder), "cpu", dtype="float32", score_threshold=1.0)
    answer = strict.segment_image(rgb, "mug")
    assert (answer.status, answer.instances) == (Status.NO_TARGET, ())


def test_what_is_not_read_is_said(segmenter, rgb, caplog):
    features = segmenter.encode(rgb)
    with caplog.at_level(logging.WARNING):
        segmenter.segment(features, "red mug; bowls")
    assert not caplog.records
    segmenter.segment(features, "the mug to the left of the bowl")
    assert "not places, relations and purposes: of 'the mug to the left of the bowl'" in caplog.text
    segmenter.segment(features, "mug " * 40)
    assert "only the first 30 tokens are read" in caplog.text


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_precisions_and_metas_file(tmp_path, rgb, dtype):
    model = load(str(write_meta_file(tmp_path)), "cpu", dtype=dtype, threads=1, score_threshold=0.01)
    answer = model.segment_image(rgb, "mug")
    assert answer.instances
    assert set(answer.timings) == {"encode", "detect"}


def test_the_geometry_token_is_a_switch(sam3_folder, segmenter, rgb):
    without = load(str(sam3_folder), "cpu", dtype="float32", geometry_token=False, score_threshold=0.01)
    scores = [
        max(i.score for i in model.segment_image(rgb, "mug").instances) for model in (segmenter, without)
    ]
    assert scores[0] != scores[1]


def test_example_boxes_find_things_like_them(segmenter, rgb):
    features = segmenter.encode(rgb)
    boxes = np.array([[5, 5, 30, 40], [40, 10, 60, 30]], np.float32)
    answer = segmenter.segment_like(features, boxes, [True, False])
    assert answer.answer == "visual"
    assert answer.instances
    for wrong in (np.zeros((0, 4)), np.zeros(4), [[5, 5, 5, 9]], [[0, 0, np.nan, 9]]):
        with pytest.raises(InvalidInputError, match="example boxes"):
            segmenter.segment_like(features, np.array(wrong, np.float32))
    with pytest.raises(InvalidInputError, match="2 example boxes have 1 labels"):
        segmenter.segment_like(features, boxes, [True])


def test_no_phrase_is_refused():
    with pytest.raises(InvalidInputError, match="holds no phrase"):
        split_phrases(" ; ;")


def test_unusable_models_and_options_are_named(sam3_folder, tmp_path):
    for threshold in (2, "high", True):
        with pytest.raises(ConfigError, match="score_threshold must be a number"):
            load(str(sam3_folder), "cpu", score_threshold=threshold)
    with pytest.raises(CheckpointError, match=r"no config.json"):
        load(str(tmp_path), "cpu")
    with pytest.raises(CheckpointError, match="not of SAM 3"):
        load("compact", "cpu")
    with pytest.raises(CheckpointError, match="is neither"):
        load("nothing", "cpu")


def test_a_compact_model_refuses_clicks(compact_sam3_folder):
    segmenter = load(str(compact_sam3_folder), "cpu")
    features = segmenter.encode(np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(CheckpointError, match="cannot answer clicks"):
        segmenter.segment_prompts(features, [[5, 5]], [1])
