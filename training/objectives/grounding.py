"""Auxiliary heads, which exist only during training, and their losses.

Not part of the model and not in its checkpoint.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.assets.nouns import everyday_nouns
from instructsam_ros.training.collate import IGNORE
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, SceneTargets


class AuxiliaryHeads(nn.Module):
    """Heads per memory cell: objectness, category, colour and phrase membership; per noun of the instruction:
    the cells that it refers to and whether its object is absent; per instruction: whether it is a negative,
    that is, names an object that is absent.
    """

    def __init__(self, channels: int, categories: int, colors: int, words: int) -> None:
        """channels: of memory cells, words: of the language model's states."""
        super().__init__()
        self.word = nn.Linear(words, channels)
        self.cell = nn.Linear(channels, channels)
        self.nowhere = nn.Parameter(torch.zeros(channels))
        self.absent = nn.Linear(words, 1)
        self.missing = nn.Linear(words, 1)
        self.objectness = nn.Linear(channels, 1)
        self.color = nn.Linear(channels, colors)
        self.named = nn.Linear(channels, 1)
        self.category = nn.Linear(channels, categories)

    def image_losses(self, memory: Tensor, batch: SceneBatch, targets: SceneTargets) -> dict[str, Tensor]:
        """Compute objectness, category and colour losses on the memory [B, T, C] of the image alone; what is
        no object of an image without complete labels may be one.
        """
        owned = targets.owner != NO_OWNER
        owners = targets.owner[owned]
        cells = memory[owned]
        objectness = self.objectness(memory).squeeze(-1).float()
        known = owned | batch.complete[:, None]
        return {
            "objectness": F.binary_cross_entropy_with_logits(objectness[known], owned[known].float()),
            "category": _known_classes(self.category(cells), batch.category_of[owners]),
            "color": _known_classes(self.color(cells), batch.color_of[owners]),
        }

    def grounding_loss(
        self, states: Tensor, memory: Tensor, batch: SceneBatch, targets: SceneTargets
    ) -> Tensor:
        """Compute the cross entropy between the cells that the states [K, D] of batch.mentions select in
        their images' memory [B, T, C] and those of their objects, each object with the same weight. Nouns
        of absent objects have one additional cell as their target.
        """
        mentions = batch.mentions
        if not len(mentions.row):
            return states.sum() * 0
        image = mentions.row // (len(batch.targets) // len(batch.images))
        cells = self.cell(memory)
        keys = torch.cat([cells, self.nowhere.to(cells.dtype).expand(len(cells), 1, -1)], 1)[image]
        logits = (keys @ self.word(states)[:, :, None])[..., 0].float() / math.sqrt(keys.shape[-1])
        share = targets.coverage / targets.coverage.sum(1, keepdim=True).clamp(min=1e-4)
        truth = torch.zeros_like(logits)
        for row, instances in enumerate(mentions.instances):
            if instances:
                truth[row, :-1] = share[list(instances)].mean(0)
            else:
                truth[row, -1] = 1.0
        return F.cross_entropy(logits, truth)

    def noun_absence_loss(self, states: Tensor, batch: SceneBatch) -> Tensor:
        """Classify whether the object of every noun of batch.mentions is absent, from states [K, D] at them.

        The grounding head compares a state with the cells, so ``grounding_loss`` does not require that the
        language model itself detects absence; this loss does.
        """
        if not len(states):
            return states.sum() * 0
        absent = torch.tensor([not named for named in batch.mentions.instances], device=states.device)
        logits = self.absent(states).squeeze(-1).float()
        return F.binary_cross_entropy_with_logits(logits, absent.float())

    def negative_instruction_loss(self, states: Tensor, batch: SceneBatch) -> Tensor:
        """Classify whether an instruction names an absent object, from the mean of its query states
        [R, Q, D] of the last language layer, which also determines the selection.
        """
        logits = self.missing(states.mean(1)).squeeze(-1).float()
        return F.binary_cross_entropy_with_logits(logits, batch.missing.float())

    def phrase_membership_loss(self, memory: Tensor, batch: SceneBatch, targets: SceneTargets) -> Tensor:
        """Classify whether cells belong to objects of the phrase. memory: [R, T, C], conditioned on it."""
        logits = self.named(memory).squeeze(-1).float()
        members = logits.new_zeros(logits.shape)
        for row, named in enumerate(batch.named):
            if named:
                members[row] = (targets.coverage[list(named)].amax(0) > 0.3).float()
        return F.binary_cross_entropy_with_logits(logits, members)


def _known_classes(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy over the cells whose class is known; 0 where none is."""
    known = classes != IGNORE
    return F.cross_entropy(logits[known].float(), classes[known]) if known.any() else logits.sum() * 0


CATEGORIES = tuple(sorted(everyday_nouns()))
"""All everyday nouns, those of the catalogue among them."""
COLORS = tuple(sorted({color for entry in CATALOGUE.values() for color in entry.colors} | {"silver"}))
"""Of the catalogue, and of cutlery."""
