"""Losses of the compact objective."""

import dataclasses

import pytest
import torch

from instructsam_ros.training.objectives.compact.forward import forward_scene
from instructsam_ros.training.objectives.compact.losses import (
    MAX_EXCEPTION_WEIGHT,
    instance_mask_loss,
    mask_loss,
    match,
    projection_loss,
    selection_targets,
)
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, scene_targets


def test_gradients_reach_every_trainable_weight(small_model, batch):
    from instructsam_ros.training.objectives.compact.losses import SceneLossSettings, scene_loss
    from instructsam_ros.training.objectives.grounding import CATEGORIES, AuxiliaryHeads

    heads = AuxiliaryHeads(32, len(CATEGORIES), 16, 64)
    loss, _ = scene_loss(forward_scene(small_model, batch), batch, heads, SceneLossSettings())
    loss.backward()
    missing = [n for n, p in small_model.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == []


def test_matching_gives_every_target_its_own_early_slot(small_model, batch):
    with torch.no_grad():
        output = forward_scene(small_model, batch)
    pairs = match(output.readouts[-1], batch, scene_targets(batch), order=0.7)
    for row, members in enumerate(batch.targets):
        here = pairs.row == row
        assert sorted(pairs.instance[here].tolist()) == sorted(members)
        assert sorted(pairs.query[here].tolist()) == list(range(len(members)))


def test_selection_weighs_all_objects_alike(batch):
    targets, batch = scene_targets(batch), dataclasses.replace(batch, named=batch.targets)
    image_index = torch.arange(6) // 3
    cells = selection_targets(image_index, batch, targets)
    assert torch.allclose(cells.weights.sum(1), torch.ones(6))
    for row, members in enumerate(batch.targets):
        owner = targets.owner[image_index[row]]
        for instance in owner.unique().tolist():
            here = owner == instance
            assert (cells.labels[row, here] == float(instance in members)).all()
            share = cells.weights[row, here].sum()
            assert share == pytest.approx(1 / len(owner.unique()), rel=1e-4)
    right = torch.where(cells.labels > 0, 9.0, -9.0)
    assert cells.loss(right) < 0.01 < 1 < cells.loss(-right)


def test_excluded_objects_weigh_more_in_the_selection(batch):
    """One of n objects is excluded: its weight is that of the others together, at most 4 times one."""
    targets = scene_targets(batch)
    owner = targets.owner[0]
    here = [i for i in owner.unique().tolist() if i != NO_OWNER]
    image_index = torch.zeros(1, dtype=torch.int64)
    for targeted in (here[:1], here[:3], here[1:]):
        excluded = min(set(here) - set(targeted))
        row = dataclasses.replace(batch, targets=(tuple(targeted),), named=((*targeted, excluded),))
        cells = selection_targets(image_index, row, targets)
        assert cells.weights.sum() == pytest.approx(1.0)
        share = {i: float(cells.weights[0, owner == i].sum()) for i in owner.unique().tolist()}
        weight = min(len(targeted), MAX_EXCEPTION_WEIGHT)
        assert share.pop(excluded) == pytest.approx(weight / (len(share) + weight), rel=1e-4)
        assert list(share.values()) == pytest.approx([next(iter(share.values()))] * len(share), rel=1e-4)


def test_mask_loss_is_small_for_the_right_mask_and_size_independent():
    small = torch.zeros(1, 32, 32, dtype=torch.bool)
    small[0, 4:8, 4:8] = True
    large = torch.zeros(1, 32, 32, dtype=torch.bool)
    large[0, 2:30, 2:30] = True
    for mask in (small, large):
        right = torch.where(mask, 8.0, -8.0)
        assert mask_loss(right, mask).item() < 0.05
        assert mask_loss(-right, mask).item() > 1.0
    empty = torch.full((1, 32, 32), -8.0)
    ratio = mask_loss(empty, small) / mask_loss(empty, large)
    assert 0.5 < ratio.item() < 2.0


def test_the_projection_of_a_mask_on_both_sides_of_its_box_is_enough():
    truth = torch.zeros(1, 12, 16)
    truth[0, 3:9, 4:12] = 1
    cross = torch.full((1, 12, 16), -20.0)
    cross[0, 6, 4:12] = cross[0, 3:9, 8] = 20.0  # touches all sides, and is no box
    assert projection_loss(cross, truth).item() == pytest.approx(0, abs=1e-4)
    assert mask_loss(cross, truth).item() > 0.5
    assert projection_loss(cross.roll(4, 2), truth).item() > 0.3
    assert projection_loss(torch.full((1, 12, 16), 20.0), truth).item() > 0.3


def test_only_instances_with_a_box_alone_have_the_projection_loss():
    logits, truth = torch.randn(3, 8, 8), (torch.rand(3, 8, 8) > 0.5).float()
    mixed = instance_mask_loss(logits, truth, torch.tensor([True, False, True]))
    assert torch.equal(mixed[1], mask_loss(logits, truth)[1])
    assert torch.equal(mixed[::2], projection_loss(logits, truth)[::2])
    assert torch.equal(
        instance_mask_loss(logits, truth, torch.zeros(3, dtype=torch.bool)), mask_loss(logits, truth)
    )
