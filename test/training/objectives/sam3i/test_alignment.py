"""Alignment losses: those of the release against its arrays, those of the paper against its equations."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from instructsam_ros.training.objectives.sam3i import alignment

CASES = {
    "infonce_B5_dups": lambda a, b, c: alignment.instruction_contrast(a, b, c["concepts_5"]),
    "infonce_B1": lambda a, b, c: alignment.instruction_contrast(a, b, ["dog"]),
    "kl_symmetric_mean": lambda a, b, c: alignment.map_agreement(a, b),
    "kl_A_to_B": lambda a, b, c: alignment.map_divergence(a, b),
    "hard_symmetric_mean": lambda a, b, c: alignment.disagreement_loss(a, b, c["union"]),
    "hard_A_vs_B": lambda a, b, c: alignment.disagreement_losses(a, b, c["union"])[0],
    "hard_A_vs_B_empty_second": lambda a, b, c: alignment.disagreement_losses(a, b, c["union"])[0],
}
MARGINS = {
    "margin_B5_dups": lambda a, b, k, c: alignment.concept_anchor(a, b, k, c["concepts_5"]),
    "margin_B1": lambda a, b, k, c: alignment.concept_anchor(a, b, k, ["dog"]),
}


@pytest.mark.parametrize("name", [*CASES, *MARGINS])
def test_values_and_gradients_are_those_of_the_release(sam3i_golden, name):
    golden = load_file(sam3i_golden / "alignment_losses.safetensors")
    context = json.loads((sam3i_golden / "alignment_losses.json").read_text())
    counts = golden["hard_emptyimg.num_boxes" if name.endswith("empty_second") else "hard.num_boxes"]
    masks = golden["hard.masks"].bool().split(counts.tolist())
    context["union"] = torch.stack([own.any(0) for own in masks])
    keys = [key for key in ("0", "1", "2") if f"{name}.in{key}" in golden]
    tensors = [golden[f"{name}.in{key}"].clone().requires_grad_(True) for key in keys]
    value = (CASES | MARGINS)[name](*tensors, context)
    assert float(value) == pytest.approx(context[name], rel=1e-5, abs=1e-6)
    value.backward()
    for key, tensor in zip(keys, tensors, strict=True):
        grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad  # of a fixed target
        torch.testing.assert_close(grad, golden[f"{name}.grad{key}"], atol=1e-6, rtol=1e-4)


def test_the_contrast_of_the_paper_is_its_equation():
    generator = torch.Generator().manual_seed(0)
    s, c = (torch.randn(3, 8, generator=generator) for _ in range(2))
    concepts, rho, t = ["dog", "cat", "Dog"], 0.5, 0.1
    zs, zc = F.normalize(s, dim=-1), F.normalize(c, dim=-1)
    total = 0.0
    for a, b in ((zs, zc), (zc, zs)):
        for i in range(3):
            weights = [rho if concepts[i].lower() == concepts[k].lower() else 1.0 for k in range(3)]
            below = sum(w * math.exp(float(a[i] @ b[k]) / t) for k, w in enumerate(weights))
            total -= math.log(math.exp(float(a[i] @ b[i]) / t) / below)
    assert float(alignment.cross_view_contrast(s, c, concepts)) == pytest.approx(total, rel=1e-5)


def test_the_anchor_of_the_paper_leaves_the_concepts_alone():
    x = [torch.randn(3, 8, generator=torch.Generator().manual_seed(i)).requires_grad_(True) for i in range(3)]
    alignment.concept_anchor(*x, ["a", "b", "c"], frozen_concept=True).backward()
    assert x[2].grad is None
    assert x[0].grad.abs().max() > 0


def test_maps_of_the_paper_learn_in_both_directions_and_agree_with_themselves():
    a, b = (torch.randn(2, 1, 4, 5, generator=torch.Generator().manual_seed(i)) for i in range(2))
    assert float(alignment.map_agreement(a, a, both_learn=True)) == pytest.approx(0, abs=1e-6)
    values = [float(alignment.map_agreement(a, b, both_learn=both)) for both in (False, True)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_the_weight_of_the_paper_is_the_jensen_shannon_divergence():
    first, second = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), -1.0)
    p, q = (float(x.sigmoid()) for x in (first, second))
    m = (p + q) / 2

    def entropy(x):
        return -x * math.log(x) - (1 - x) * math.log(1 - x)

    weight = entropy(m) - (entropy(p) + entropy(q)) / 2
    expected = weight * (-math.log(p) - math.log(q))
    found = alignment.disagreement_loss(
        first, second, torch.ones(1, 1, 1, dtype=torch.bool), jensen_shannon=True
    )
    assert float(found) == pytest.approx(expected, rel=1e-4)
