"""Confidence intervals resample images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.evaluation.average_precision import average_precision, average_precisions
from instructsam_ros.training.evaluation.bootstrap import image_draws, interval, ratios


def test_cases_of_one_image_are_drawn_together_and_lone_ones_apart():
    draws = image_draws(["a", "b", "a", "", ""], seed=1)
    assert (draws[:, 0] == draws[:, 2]).all()
    assert (draws[:, 3] != draws[:, 4]).any()
    images = draws[:, 0] + draws[:, 1] + draws[:, 3] + draws[:, 4]
    assert (images == 4).all()


def test_the_interval_of_a_coin_is_that_of_the_binomial():
    hits = np.arange(100) % 2
    low, high = interval(ratios(hits, np.ones(100), image_draws([""] * 100, seed=0)))
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_what_nothing_defines_has_no_interval():
    draws = image_draws(["a", "b"], seed=0)
    none = ratios(np.zeros(2), np.zeros(2), draws)
    assert interval(none) is None
    some = ratios(np.array([1.0, 0.0]), np.array([1.0, 0.0]), draws)  # undefined where "a" is not drawn
    assert interval(some) == (1.0, 1.0)


@given(st.integers(0, 1 << 32), st.integers(1, 12))
def test_precision_of_a_sample_is_that_of_its_predictions_repeated(seed, count):
    rng = np.random.default_rng(seed)
    scores, hits = rng.integers(0, 4, count) / 4, rng.random(count) < 0.5
    weights = rng.integers(0, 4, (3, count))
    truths = np.array([weights[0] @ hits + 2, weights[1] @ hits + 1, 0])
    found = average_precisions(scores, hits, weights, truths)
    for row in range(2):
        repeated = average_precision(
            np.repeat(scores, weights[row]), np.repeat(hits, weights[row]), truths[row]
        )
        assert found[row] == pytest.approx(repeated)
    assert np.isnan(found[2])
