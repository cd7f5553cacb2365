"""The compact model with one [SEG] per instance on rendered scenes, as an objective of the trainer."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from instructsam_ros.backends.seg_token import SegTokenSegmenter
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.forward import forward_images
from instructsam_ros.training.objectives.compact.losses import scene_loss
from instructsam_ros.training.objectives.compact.objective import WORDS, CompactObjective
from instructsam_ros.training.objectives.seg_token.forward import forward_seg_tokens

LEFT_TO_RIGHT = 1000.0
"""Cost of a slot's distance from its target's rank that leaves the matching no choice."""


class SegTokenObjective(CompactObjective):
    """As CompactObjective, with instances in a fixed order, from left to right."""

    def loss(self, batch: SceneBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss."""
        images_only = step < self.settings.image_only_steps
        output = (forward_images if images_only else forward_seg_tokens)(self.model, batch)
        return scene_loss(output, batch, self.heads, replace(self.settings.loss, order=LEFT_TO_RIGHT))

    def segmenter(self, model: nn.Module) -> SegTokenSegmenter:
        """See Objective.segmenter."""
        return SegTokenSegmenter(cast(InstructSam, model), self.prompts)

    def adapted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of a model with a block of mask queries, take the first query as the embedding of [SEG], and the
        word that begins the block as the word [SEG], which now follows a phrase in its place.
        """
        if len(weights["mask_queries"]) == 1:
            return weights
        tokens, words = self.model.config.tokens, weights[WORDS].clone()
        words[tokens.seg] = words[tokens.mask_start]
        return {**weights, WORDS: words, "mask_queries": weights["mask_queries"][:1]}
