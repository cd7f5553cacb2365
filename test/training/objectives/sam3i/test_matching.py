"""Matches of queries and instances against those of SAM 3's training code."""

import json

import pytest
import torch
from safetensors.torch import load_file

from instructsam_ros.errors import DivergedError
from instructsam_ros.training.objectives.sam3i.matching import one_to_many, one_to_one, overlaps


@pytest.mark.parametrize(
    ("match", "suffix", "key"),
    [
        (one_to_one, "", "indices_o2o"),
        (one_to_one, "_aux", "indices_aux"),
        (one_to_many, "_o2m", "indices_o2m"),
    ],
)
def test_matches_are_those_of_the_release(sam3i_golden, match, suffix, key):
    golden = load_file(sam3i_golden / "set_loss.safetensors")
    expected = json.loads((sam3i_golden / "set_loss.json").read_text())[key]
    truth = golden["target.boxes"].split(golden["target.num_boxes"].tolist())
    found = match(golden[f"in.pred_logits{suffix}"][..., 0], golden[f"in.pred_boxes{suffix}"], truth)
    rows, queries, targets = expected
    assert found.rows.tolist() == rows
    assert found.queries.tolist() == queries
    assert found.targets.tolist() == (list(range(len(rows))) if targets is None else targets)


def test_overlap_of_equal_and_of_distant_boxes():
    box = torch.tensor([0.5, 0.5, 0.2, 0.2])
    assert [float(v) for v in overlaps(box, box)] == pytest.approx([1, 1])
    iou, giou = overlaps(box, torch.tensor([0.9, 0.5, 0.1, 0.2]))
    assert float(iou) == 0
    assert -1 < float(giou) < 0


def test_predictions_that_are_no_numbers_and_prompts_without_target():
    none = [torch.zeros(0, 4)]
    assert len(one_to_one(torch.zeros(1, 3), torch.ones(1, 3, 4), none).rows) == 0
    assert len(one_to_many(torch.zeros(1, 3), torch.ones(1, 3, 4), none).rows) == 0
    with pytest.raises(DivergedError):
        one_to_one(torch.full((1, 3), torch.nan), torch.ones(1, 3, 4), [torch.ones(1, 4)])
