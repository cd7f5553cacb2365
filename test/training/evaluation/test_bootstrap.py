"""Confidence intervals resample images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.evaluation import bootstrap
from instructsam_ros.training.evaluation.average_precision import average_precision, average_precisions
from instructsam_ros.training.evaluation.bootstrap import ImageResampling, interval


def test_cases_of_one_image_are_drawn_together_and_lone_ones_apart():
    resampling = ImageResampling(["a", "b", "a", "", ""], seed=1)
    (draws,) = resampling.draws()
    assert draws.shape == (1000, 4)
    assert (draws.sum(1) == 4).all()
    first, _, third, fourth, fifth = resampling.image_of
    assert first == third
    assert (draws[:, fourth] != draws[:, fifth]).any()
    assert resampling.per_image(np.array([1, 2, 4, 8, 16]))[first] == 5


def test_parts_of_the_samples_are_those_of_one(monkeypatch):
    resampling = ImageResampling(["a", "b", "a", "c"], seed=3)
    part, whole = np.array([1.0, 2, 3, 4]), np.array([2, 2, 2, 1])
    (at_once,), ratios = resampling.draws(), resampling.ratios(part, whole)
    monkeypatch.setattr(bootstrap, "MOST_NUMBERS", 70)
    in_parts = list(resampling.draws(7))
    assert {len(draws) for draws in in_parts} == {10}
    assert np.array_equal(np.concatenate(in_parts), at_once)
    assert np.array_equal(resampling.ratios(part, whole), ratios)


def test_the_interval_of_a_coin_is_that_of_the_binomial():
    hits = np.arange(100) % 2
    low, high = interval(ImageResampling([""] * 100, seed=0).ratios(hits, np.ones(100)))
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_what_nothing_defines_has_no_interval():
    resampling = ImageResampling(["a", "b"], seed=0)
    assert interval(resampling.ratios(np.zeros(2), np.zeros(2))) is None
    some = resampling.ratios(np.array([1.0, 0.0]), np.array([1.0, 0.0]))  # undefined where "a" is not drawn
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
