"""Heads that exist only during training."""

import dataclasses

import pytest
import torch

from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.compact.targets import scene_targets
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS, AuxiliaryHeads
from instructsam_ros.training.objectives.mentions import Mentions

CHANNELS = 4


@pytest.fixture
def heads() -> AuxiliaryHeads:
    """Words and cells are compared unprojected; the third direction is that of absent objects."""
    heads = AuxiliaryHeads(CHANNELS, len(CATEGORIES), len(COLORS), CHANNELS)
    with torch.no_grad():
        for layer in (heads.word, heads.cell):
            layer.weight.copy_(torch.eye(CHANNELS) * 10)
            layer.bias.zero_()
        heads.nowhere.copy_(torch.tensor([0.0, 0.0, 10.0, 0.0]))
    return heads


@pytest.fixture
def batch(scene_root, tokenizer):
    """One picture, one instruction; its only noun is set by the tests."""
    settings = SceneDataSettings(roots=(str(scene_root),), images=1, instructions=1, jitter=0.0)
    return SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]


def grounding(heads, batch, instances, word) -> float:
    """The loss where the cells of instance 0 hold direction 0 and all others direction 1."""
    named = Mentions(torch.tensor([0]), torch.tensor([0]), (instances,))
    batch = dataclasses.replace(batch, mentions=named)
    targets = scene_targets(batch)
    first = (targets.coverage[0] > 0).float()[None, :, None]
    memory = first * torch.eye(CHANNELS)[0] + (1 - first) * torch.eye(CHANNELS)[1]
    return heads.grounding_loss(torch.eye(CHANNELS)[word][None], memory, batch, targets).item()


def test_a_noun_is_grounded_in_its_object_or_in_none(heads, batch):
    here, elsewhere, nowhere = (grounding(heads, batch, (0,), word) for word in range(3))
    assert here < min(elsewhere, nowhere) - 5
    here, elsewhere, nowhere = (grounding(heads, batch, (), word) for word in range(3))
    assert nowhere == pytest.approx(0, abs=1e-3)
    assert min(here, elsewhere) > 5


def test_without_nouns_the_losses_are_zero(heads, batch):
    none = torch.tensor([], dtype=torch.int64)
    batch = dataclasses.replace(batch, mentions=Mentions(none, none, ()))
    targets = scene_targets(batch)
    memory = torch.zeros(1, targets.coverage.shape[1], CHANNELS)
    assert heads.grounding_loss(torch.zeros(0, CHANNELS), memory, batch, targets).item() == 0
    assert heads.noun_absence_loss(torch.zeros(0, CHANNELS), batch).item() == 0


def test_absent_nouns_are_classified(heads, batch):
    """Direction 0 is the class "absent"."""
    with torch.no_grad():
        heads.absent.weight.copy_(20 * torch.tensor([[1.0, -1.0, 0.0, 0.0]]))
        heads.absent.bias.zero_()
    where = torch.tensor([0, 0])
    one_of_two = dataclasses.replace(batch, mentions=Mentions(where, where, ((), (0,))))
    knows, confuses = torch.eye(CHANNELS)[[0, 1]], torch.eye(CHANNELS)[[1, 0]]
    assert (
        heads.noun_absence_loss(knows, one_of_two) < 1e-3 < 10 < heads.noun_absence_loss(confuses, one_of_two)
    )


def test_negative_instructions_are_classified(heads, batch):
    """On the mean of the queries, which also determines the selection; direction 0 is "negative"."""
    with torch.no_grad():
        heads.missing.weight.copy_(20 * torch.tensor([[1.0, -1.0, 0.0, 0.0]]))
        heads.missing.bias.zero_()
    negative, positive = (
        dataclasses.replace(batch, missing=torch.tensor([value])) for value in (True, False)
    )
    knows, denies = (torch.eye(CHANNELS)[word].expand(1, 10, -1) for word in (0, 1))
    assert (
        heads.negative_instruction_loss(knows, negative)
        < 1e-3
        < 10
        < heads.negative_instruction_loss(denies, negative)
    )
    assert (
        heads.negative_instruction_loss(denies, positive)
        < 1e-3
        < 10
        < heads.negative_instruction_loss(knows, positive)
    )


def test_what_has_no_label_is_background_only_in_a_complete_image(heads, batch):
    targets = scene_targets(batch)
    memory = torch.full((1, targets.coverage.shape[1], CHANNELS), 1.0)
    with torch.no_grad():
        heads.objectness.weight.fill_(1.0)
    complete, partial = (
        heads.image_losses(memory, dataclasses.replace(batch, complete=torch.tensor([known])), targets)
        for known in (True, False)
    )
    assert partial["objectness"].item() < 0.1 < complete["objectness"].item()
    assert torch.equal(partial["category"], complete["category"])
