"""The set loss and its gradients against arrays of SAM 3's training code."""

import json

import pytest
import torch
from safetensors.torch import load_file

from instructsam_ros.models.sam3.modeling import LayerOutput, Sam3Output
from instructsam_ros.training.objectives.sam3i.set_loss import (
    PromptTruth,
    semantic_loss,
    set_loss,
    union_masks,
)


@pytest.fixture(scope="module")
def golden(sam3i_golden):
    return load_file(sam3i_golden / "set_loss.safetensors")


def inputs(golden):
    return {
        name.removeprefix("in."): tensor.clone().requires_grad_(True)
        for name, tensor in golden.items()
        if name.startswith("in.")
    }


def truths(golden):
    counts = golden["target.num_boxes"].tolist()
    boxes, masks = golden["target.boxes"].split(counts), golden["target.masks"].bool().split(counts)
    return [PromptTruth(*pair) for pair in zip(boxes, masks, strict=True)]


def output(x):
    """One-to-one queries with an auxiliary layer; one-to-many queries exist in the last layer only."""
    none = torch.zeros(len(x["pred_logits"]), 0)
    layers = (
        LayerOutput(x["pred_logits_aux"][..., 0], x["pred_boxes_aux"], x["presence_logit_dec_aux"]),
        LayerOutput(
            torch.cat([x["pred_logits"], x["pred_logits_o2m"]], 1)[..., 0],
            torch.cat([x["pred_boxes"], x["pred_boxes_o2m"]], 1),
            x["presence_logit_dec"],
        ),
    )
    masks = torch.cat([x["pred_masks"], x["pred_masks_o2m"]], 1)
    return Sam3Output(masks, x["semantic_seg"], layers, none, none, x["pred_logits"].shape[1])


def test_the_loss_and_its_gradients_are_those_of_the_release(golden, sam3i_golden):
    expected = json.loads((sam3i_golden / "set_loss.json").read_text())
    x = inputs(golden)
    terms = set_loss(output(x), truths(golden))
    scale = len(truths(golden)) ** 0.5
    total = torch.stack(list(terms.values())).sum()
    assert float(total) == pytest.approx(expected["total_after_sqrt_batch_scale"], rel=1e-6)
    assert float(terms["semantic"] / scale) == pytest.approx(expected["core_semantic"], rel=1e-6)
    total.backward()
    for name, tensor in x.items():
        torch.testing.assert_close(
            tensor.grad, golden[f"grad.{name}"], atol=1e-4, rtol=1e-4, msg=lambda m, n=name: n + m
        )


def test_prompts_without_a_target_teach_absence_alone(golden):
    x = inputs(golden)
    empty = [PromptTruth(torch.zeros(0, 4), torch.zeros(0, 16, 20, dtype=torch.bool))] * 3
    terms = set_loss(output(x), empty)
    values = {name: float(term.detach()) for name, term in terms.items()}
    assert values.pop("presence") > 0
    assert set(values.values()) == {0.0}


def test_the_united_mask_counts_once(golden):
    masks = [truth.masks for truth in truths(golden)]
    assert union_masks(masks).shape == (3, 16, 20)
    assert float(semantic_loss(golden["in.semantic_seg"], masks)) > 0
