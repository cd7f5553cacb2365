"""The arms of the study: what each one changes in the model, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from benchmarks.design_study.one_token import OneTokenInstructSam, forward_one_token
from instructsam_ros.models.instructsam.compact.pointer import PointerReadout
from instructsam_ros.models.instructsam.language import LanguageModel
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.data.scenes import SceneBatch
from instructsam_ros.training.objectives.compact.forward import SceneOutput, forward_scene
from instructsam_ros.training.objectives.compact.losses import SceneLossSettings

INSTRUCTION_LOSS = SceneLossSettings(
    objectness=0, category=0, color=0, missing=0, dense_box=0, dense_mask=0, cell_mask=0, choice=0
)
"""The image side is frozen, so only the terms that follow from instructions count; queries choose alone."""

FIXED_ORDER = 1000.0
"""Weight of a slot's distance from its target's rank that leaves the matching no choice."""


class CausalLanguageModel(LanguageModel):
    """A language model in which nothing looks ahead, mask queries included."""

    def forward(
        self,
        embeds: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        cache: DynamicCache | None = None,
        visual_mask: Tensor | None = None,
        deepstack: Sequence[Tensor] = (),
        wanted: Tensor | None = None,
    ) -> Tensor:
        """As LanguageModel.forward, with the part of ``mask`` that looks ahead taken away."""
        if mask is not None:
            mask = mask.tril(mask.shape[-1] - mask.shape[-2])
        return super().forward(embeds, positions, mask, cache, visual_mask, deepstack, wanted)


class SlotOrder(PointerReadout):
    """A read-out in which an object belongs to the first query that points at it, whatever its score."""

    def order(self, scores: Tensor) -> Tensor:
        """As PointerReadout.order."""
        return torch.arange(scores.shape[1], device=scores.device).expand_as(scores)


class NullPhrase(nn.Module):
    """In place of the phrase projection: every token of every phrase becomes the same learned vector."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(channels))

    def forward(self, embeds: Tensor) -> Tensor:
        """[..., D] -> [..., C]; only the shape of ``embeds`` is read."""
        return self.embedding.expand(*embeds.shape[:-1], -1)


def unchanged(model: InstructSam) -> InstructSam:
    """The design as it is."""
    return model


def causal(model: InstructSam) -> InstructSam:
    """Mask queries see only the queries before them."""
    language = CausalLanguageModel(model.config.language)
    language.load_state_dict(model.language.state_dict())
    model.language = language
    pointer = SlotOrder(model.detector.channels)
    pointer.load_state_dict(model.detector.pointer.state_dict())
    model.detector.pointer = pointer
    return model


def without_phrase(model: InstructSam) -> InstructSam:
    """The detector never learns which phrase it segments; the queries still know it."""
    model.text_hidden_fcs = NullPhrase(model.config.out_dim)  # type: ignore[assignment]
    return model


def one_token(model: InstructSam) -> InstructSam:
    """One [SEG] token per instance, decoded one after the other."""
    return OneTokenInstructSam(causal(model))


@dataclass(frozen=True)
class Arm:
    """title: for tables. convert: from a fresh model of the design to this arm's, same start weights.
    forward, loss: how it is trained.
    """

    title: str
    convert: Callable[[InstructSam], InstructSam]
    forward: Callable[[InstructSam, SceneBatch], SceneOutput] = forward_scene
    loss: SceneLossSettings = INSTRUCTION_LOSS


ARMS = {
    "full": Arm("query bank, hybrid attention, phrase conditioning", unchanged),
    "causal": Arm("causal attention among the queries", causal),
    "one-token": Arm(
        "one [SEG] token per instance",
        one_token,
        forward_one_token,
        dataclasses.replace(INSTRUCTION_LOSS, order=FIXED_ORDER),
    ),
    # What the memory knows of the phrase cannot be taught where the memory never sees it.
    "null-phrase": Arm(
        "no phrase conditioning", without_phrase, loss=dataclasses.replace(INSTRUCTION_LOSS, named=0)
    ),
}
