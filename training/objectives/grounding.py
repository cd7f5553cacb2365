"""Heads that exist only during training: they teach the image features what things are.

Not part of the model and not in its checkpoint.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, SceneTargets


class AuxiliaryHeads(nn.Module):
    """Per memory cell: is there an object, of which category and colour, does the phrase name it; which
    cells a noun of the instruction means, and whether that is in the picture at all; and whether the
    instruction names something that is not.
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
        self.category = nn.Linear(channels, categories)
        self.color = nn.Linear(channels, colors)
        self.named = nn.Linear(channels, 1)

    def image_losses(self, memory: Tensor, batch: SceneBatch, targets: SceneTargets) -> dict[str, Tensor]:
        """memory [B, T, C] of the image alone."""
        owned = targets.owner != NO_OWNER
        owners = targets.owner[owned]
        cells = memory[owned]
        objectness = self.objectness(memory).squeeze(-1).float()
        return {
            "objectness": F.binary_cross_entropy_with_logits(objectness, owned.float()),
            "category": F.cross_entropy(self.category(cells).float(), batch.category_of[owners]),
            "color": F.cross_entropy(self.color(cells).float(), batch.color_of[owners]),
        }

    def grounding_loss(
        self, states: Tensor, memory: Tensor, batch: SceneBatch, targets: SceneTargets
    ) -> Tensor:
        """Cross entropy between where the states [K, D] of batch.mentions point in their images' memory
        [B, T, C] and where the objects are; objects that are larger do not weigh more. Names of what is
        not in the picture are taught to point at one more cell, which stands for nowhere.
        """
        mentions = batch.mentions
        if not len(mentions.row):
            return states.sum() * 0
        image = mentions.row // (len(batch.targets) // len(batch.images))
        cells = self.cell(memory)
        keys = torch.cat([cells, self.nowhere.to(cells.dtype).expand(len(cells), 1, -1)], 1)[image]
        logits = (keys @ self.word(states)[:, :, None])[..., 0].float() / math.sqrt(keys.shape[-1])
        share = targets.coverage / targets.coverage.sum(1, keepdim=True).clamp(min=1e-4)
        wanted = torch.zeros_like(logits)
        for row, instances in enumerate(mentions.instances):
            if instances:
                wanted[row, :-1] = share[list(instances)].mean(0)
            else:
                wanted[row, -1] = 1.0
        return F.cross_entropy(logits, wanted)

    def absent_loss(self, states: Tensor, batch: SceneBatch) -> Tensor:
        """Whether what the nouns of batch.mentions name is absent, from states [K, D] at them.

        To point nowhere (``grounding_loss``) a state need only say what it looks for: the head compares
        it with the cells. The language model has to look by itself to know that nothing is there.
        """
        if not len(states):
            return states.sum() * 0
        wanted = torch.tensor([not named for named in batch.mentions.instances], device=states.device)
        logits = self.absent(states).squeeze(-1).float()
        return F.binary_cross_entropy_with_logits(logits, wanted.float())

    def missing_loss(self, states: Tensor, batch: SceneBatch) -> Tensor:
        """Whether an instruction names what is not in the picture, from what its queries know: states
        [R, Q, D] of the last language layer, the mean of which decides what is chosen.
        """
        logits = self.missing(states.mean(1)).squeeze(-1).float()
        return F.binary_cross_entropy_with_logits(logits, batch.missing.float())

    def phrase_loss(self, memory: Tensor, batch: SceneBatch, targets: SceneTargets) -> Tensor:
        """memory [R, T, C] conditioned on the phrase of every row."""
        logits = self.named(memory).squeeze(-1).float()
        wanted = logits.new_zeros(logits.shape)
        for row, named in enumerate(batch.named):
            if named:
                wanted[row] = (targets.coverage[list(named)].amax(0) > 0.3).float()
        return F.binary_cross_entropy_with_logits(logits, wanted)


CATEGORIES = tuple(sorted(CATALOGUE))
COLORS = tuple(sorted({color for entry in CATALOGUE.values() for color in entry.colors} | {"silver"}))
"""Of the catalogue, and of cutlery."""
