"""Instances of one phrase from the output of SAM 3."""

import pytest
import torch

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.sam3.modeling import LayerOutput, Sam3Output
from instructsam_ros.models.sam3.postprocessing import read_instances


def output(logits, presence=10.0, masks=None):
    count = len(logits)
    masks = torch.full((1, count, 2, 2), 5.0) if masks is None else masks
    layer = LayerOutput(torch.tensor([logits]), torch.zeros(1, count, 4), torch.tensor([[presence]]))
    return Sam3Output(
        masks, torch.zeros(1, 1, 2, 2), (layer,), torch.zeros(1, count, 4), torch.zeros(1, 4, 4), count
    )


def test_scores_are_gated_by_presence_and_ordered():
    instances, full = read_instances(output([1.0, 3.0, -3.0], presence=2.0), "mug", (4, 6), 0.5)
    expected = torch.tensor([3.0, 1.0]).sigmoid() * torch.tensor(2.0).sigmoid()
    assert [i.score for i in instances] == pytest.approx(expected.tolist())
    assert not full
    assert {i.phrase for i in instances} == {"mug"}
    assert instances[0].mask.shape == (4, 6)
    assert read_instances(output([3.0], presence=-3.0), "mug", (4, 6), 0.5) == ([], False)


def test_all_queries_in_use_may_hide_further_instances():
    assert read_instances(output([3.0, 3.0]), "mug", (4, 6), 0.5)[1]


def test_logits_are_resized_before_they_are_compared():
    masks = torch.tensor([[[[-1.0, 3.0], [-1.0, 3.0]]]])
    instances, _ = read_instances(output([3.0], masks=masks), "mug", (2, 8), 0.5)
    assert instances[0].mask[0].tolist() == [False, False, False, True, True, True, True, True]


def test_empty_masks_are_no_instances_and_nan_is_an_error():
    assert read_instances(output([3.0], masks=torch.full((1, 1, 2, 2), -1.0)), "mug", (2, 2), 0.5)[0] == []
    with pytest.raises(InstructSamError, match="not numbers"):
        read_instances(output([float("nan")]), "mug", (2, 2), 0.5)
