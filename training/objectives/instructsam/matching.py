"""One-to-one assignment of queries to ground-truth instances (InstructSAM, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.training.objectives.assignment import assign

DICE_SMOOTHING = 1e-3


@dataclass(frozen=True)
class MatchWeights:
    """Weight of each cost term."""

    dice: float = 0.5
    bce: float = 2.0
    score: float = 1.0


@torch.no_grad()
def match(
    mask_logits: Tensor, score_logits: Tensor, truth: Tensor, weights: MatchWeights
) -> tuple[Tensor, Tensor]:
    """The cheapest assignment: int64 query indices and int64 truth indices, both [min(Q, N)].

    mask_logits: [Q, h, w]. score_logits: [Q]. truth: [N, h, w] in 0..1. Raises DivergedError where
    predictions are not finite.
    """
    queries, instances = assign(matching_cost(mask_logits, score_logits, truth, weights))
    return torch.as_tensor(queries), torch.as_tensor(instances)


def matching_cost(mask_logits: Tensor, score_logits: Tensor, truth: Tensor, weights: MatchWeights) -> Tensor:
    """Cost [Q, N] of giving instance n to query q: dice and cross entropy over all pixels, and score."""
    logits, target = mask_logits.flatten(1).float(), truth.flatten(1).float()
    probability = logits.sigmoid()
    overlap = 2 * probability @ target.T + DICE_SMOOTHING
    dice = 1 - overlap / (probability.sum(1)[:, None] + target.sum(1)[None] + DICE_SMOOTHING)
    # Cross entropy splits into a sum over foreground and one over background.
    bce = (F.softplus(-logits) @ target.T + F.softplus(logits) @ (1 - target).T) / logits.shape[1]
    score = F.softplus(-score_logits.float())[:, None]
    return weights.dice * dice + weights.bce * bce + weights.score * score
