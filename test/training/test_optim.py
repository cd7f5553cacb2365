"""Which optimizer moves which weights."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch.optim import AdamW, Muon

from instructsam_ros.training.config import OptimizerSettings
from instructsam_ros.training.objectives.grounding import AuxiliaryHeads
from instructsam_ros.training.optim import learning_rate, make_optimizer
from instructsam_ros.training.parts import Part


def part(name):
    """Part of a parameter of the compact model."""
    backbone = name.startswith("image_encoder.backbone.")
    return Part("backbone", 0.1, pretrained=True) if backbone else Part("model", 1.0)


def members(model, **settings):
    model.requires_grad_()
    heads = AuxiliaryHeads(32, 5, 4, 64)
    made = make_optimizer(model, heads, part, OptimizerSettings(**settings))
    return {type(m): [p for g in m.param_groups for p in g["params"]] for m in made.members}, heads


def test_every_weight_has_one_optimizer(small_model):
    for muon in (False, True):
        found, heads = members(small_model, muon=muon)
        moved = [id(p) for part in found.values() for p in part]
        assert len(moved) == len(set(moved))
        assert set(moved) == {id(p) for p in (*small_model.parameters(), *heads.parameters())}


def test_muon_takes_matrices_that_are_neither_embeddings_nor_readouts(small_model):
    found, heads = members(small_model, muon=True)
    inner = {id(p) for p in found[Muon]}
    assert all(p.ndim == 2 and min(p.shape) >= 32 for p in found[Muon])
    assert id(small_model.language.model.layers[0].mlp.down_proj.weight) in inner
    outside = [small_model.language.model.embed_tokens.weight, small_model.mask_queries, *heads.parameters()]
    outside += list(small_model.image_encoder.parameters())
    assert not inner & {id(p) for p in outside}
    assert AdamW in found


def test_muon_moves_a_matrix_about_as_far_as_adamw(small_model):
    """So that one learning rate fits both."""
    weight = small_model.language.model.layers[0].mlp.down_proj.weight
    moved = []
    for muon in (False, True):
        heads = AuxiliaryHeads(32, 5, 4, 64)
        made = make_optimizer(small_model, heads, part, OptimizerSettings(muon=muon))
        before = weight.detach().clone()
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
        made.step()
        moved.append(float((weight.detach() - before).square().mean().sqrt()))
        weight.data.copy_(before)
    assert 0.1 < moved[1] / moved[0] < 1


def test_muon_without_bfloat16_moves_the_same_way(small_model):
    """As on a processor that computes in bfloat16, but for rounding."""
    weight = small_model.language.model.layers[0].mlp.down_proj.weight
    before, moved = weight.detach().clone(), []
    gradient = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    for float32 in (False, True):
        heads = AuxiliaryHeads(32, 5, 4, 64)
        made = make_optimizer(small_model, heads, part, OptimizerSettings(muon=True))
        made.float32 = float32
        weight.grad = gradient.clone()
        made.step()
        assert torch.equal(weight.grad, gradient)
        moved.append(weight.detach() - before)
        weight.data.copy_(before)
    assert not torch.equal(*moved)
    torch.testing.assert_close(moved[1], moved[0], rtol=0, atol=0.05 * float(moved[0].abs().max()))


def test_every_part_has_its_own_rate(small_model):
    small_model.requires_grad_()
    made = make_optimizer(small_model, AuxiliaryHeads(32, 5, 4, 64), part, OptimizerSettings())
    found = [(group["name"], group["share"], group["part"]) for group in made.param_groups]
    assert found == [("model", 1.0, "")] * 2 + [("backbone", 0.1, "backbone_")] * 2


@pytest.mark.parametrize("name", ["stage1_transformer", "stage3_text"])
def test_the_schedule_of_sam3_is_that_of_its_training_code(sam3i_golden, name):
    expected = json.loads((sam3i_golden / "lr_schedule.json").read_text())[name]
    optimizer = OptimizerSettings(
        learning_rate=expected["base_lr"],
        schedule="inverse_sqrt",
        timescale=expected["timescale"],
        warmup_steps=expected["warmup"],
        cooldown_steps=expected["cooldown"],
    )
    settings = SimpleNamespace(optimizer=optimizer, steps=expected["total_steps"])
    found = {step: learning_rate(int(step), settings) for step in expected["lr"]}
    assert found == pytest.approx(expected["lr"], rel=1e-9)
