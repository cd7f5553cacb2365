import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.evaluation.average_precision import (
    average_precision,
    average_precisions,
    match,
    pooled_average_precision,
    sampled_average_precision,
)


def test_a_truth_goes_to_the_best_prediction_first():
    iou = np.array([[0.6, 0.9], [0.0, 0.95], [0.55, 0.0]])
    assert match(iou, 0.5).tolist() == [True, False, True]
    assert match(iou, 0.92).tolist() == [False, True, False]
    assert match(np.zeros((2, 0)), 0.5).tolist() == [False, False]


def test_average_precision_by_hand():
    # in order of score: hit, miss, hit; 4 truths -> 1 * 1/4 + 2/3 * 1/4
    ap = average_precision(np.array([0.2, 0.9, 0.5]), np.array([True, True, False]), 4)
    assert ap == pytest.approx(0.25 + 2 / 3 * 0.25)


def test_sampled_average_precision_by_hand():
    # as above; recall reaches 1/4 with precision 1 and 2/4 with 2/3: recalls 0..0.25 and 0.26..0.50
    ap = sampled_average_precision(np.array([0.2, 0.9, 0.5]), np.array([True, True, False]), 4)
    assert ap == pytest.approx((26 * 1 + 25 * 2 / 3) / 101)
    assert sampled_average_precision(np.zeros(0), np.zeros(0, bool), 2) == 0


@given(st.integers(0, 2**32 - 1))
def test_a_weight_counts_a_prediction_so_often(seed):
    rng = np.random.default_rng(seed)
    scores, hits = rng.random(6), rng.random(6) < 0.5
    weights = rng.integers(0, 3, (4, 6))
    truths = (weights * hits).sum(1) + 1
    expected = [
        average_precision(np.repeat(scores, row), np.repeat(hits, row), int(count))
        for row, count in zip(weights, truths, strict=True)
    ]
    assert average_precisions(scores, hits, weights, truths) == pytest.approx(expected)


def test_without_a_truth_there_is_no_average_precision():
    assert pooled_average_precision([(np.array([0.9]), np.zeros((1, 0)))]) is None
    assert np.isnan(
        average_precisions(np.zeros(1), np.zeros(1, bool), np.ones((1, 1), int), np.zeros(1, int))
    )
