"""Queries get the instances that they fit best, one each."""

import pytest
import torch

from instructsam_ros.errors import DivergedError
from instructsam_ros.training.objectives.instructsam.matching import MatchWeights, match


def test_each_instance_gets_the_query_that_covers_it():
    truth = torch.zeros(2, 4, 4)
    truth[0, :2], truth[1, 2:] = 1, 1
    logits = torch.full((3, 4, 4), -9.0)
    logits[1][truth[1] > 0] = 9.0
    logits[2][truth[0] > 0] = 9.0
    queries, instances = match(logits, torch.zeros(3), truth, MatchWeights())
    assert dict(zip(queries.tolist(), instances.tolist(), strict=True)) == {1: 1, 2: 0}


def test_of_equal_masks_the_higher_score_is_taken():
    queries, _ = match(
        torch.zeros(3, 2, 2), torch.tensor([0.0, 2.0, 1.0]), torch.ones(1, 2, 2), MatchWeights()
    )
    assert queries.tolist() == [1]


def test_predictions_that_are_not_finite_are_an_error():
    with pytest.raises(DivergedError):
        match(torch.full((1, 2, 2), torch.nan), torch.zeros(1), torch.ones(1, 2, 2), MatchWeights())
