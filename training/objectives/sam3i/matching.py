"""Which queries answer for which instances, in the set loss of SAM 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from instructsam_ros.models.common.boxes import corners
from instructsam_ros.training.objectives.assignment import assign

CLASS_COST, L1_COST, GIOU_COST = 2.0, 5.0, 2.0
ALPHA, GAMMA = 0.25, 2.0
SCORE_SHARE, OVERLAP_SHARE = 0.3, 0.7
QUERIES_OF_TARGET, LEAST_SCORE = 4, 0.4


class Matches(NamedTuple):
    """Matched pairs: rows (prompts), queries and instances, int64 [M] each; instances are counted over all
    prompts.
    """

    rows: Tensor
    queries: Tensor
    targets: Tensor


def overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Compute IoU and GIoU of broadcastable boxes [..., 4] as cx cy w h."""
    a, b = corners(first), corners(second)
    common = (torch.min(a[..., 2:], b[..., 2:]) - torch.max(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - common
    hull = (torch.max(a[..., 2:], b[..., 2:]) - torch.min(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    iou = common / union
    return iou, iou - (hull - union) / hull


@torch.no_grad()
def one_to_one(logits: Tensor, boxes: Tensor, truth: Sequence[Tensor]) -> Matches:
    """Assign each instance to a query of its own: logits [B, Q], boxes [B, Q, 4], truth [n, 4] per prompt.

    Pairs are in the order of the instances. Raises DivergedError where the predictions are not finite.
    """
    pairs: list[tuple[int, int, int]] = []
    before = 0
    for row, own in enumerate(truth):
        if len(own):
            p = logits[row].float().sigmoid()
            positive = ALPHA * (1 - p) ** GAMMA * -(p + 1e-8).log()
            negative = (1 - ALPHA) * p**GAMMA * -(1 - p + 1e-8).log()
            cost = (
                CLASS_COST * (positive - negative)[:, None]
                + L1_COST * torch.cdist(boxes[row].float(), own, p=1)
                - GIOU_COST * overlaps(boxes[row, :, None].float(), own[None])[1]
            )
            found = zip(*(index.tolist() for index in assign(cost)), strict=True)
            pairs += [(row, query, before + target) for target, query in sorted((t, q) for q, t in found)]
        before += len(own)
    return _matches(pairs, boxes.device)


@torch.no_grad()
def one_to_many(logits: Tensor, boxes: Tensor, truth: Sequence[Tensor]) -> Matches:
    """Match every query that answers well for an instance, as far as it is among the best four of it.

    A query may serve several instances; see ``one_to_one`` for the arguments.
    """
    pairs: list[tuple[int, int, int]] = []
    before = 0
    for row, own in enumerate(truth):
        if len(own):
            iou, _ = overlaps(boxes[row, :, None].float(), own[None])
            score = SCORE_SHARE * logits[row].float().sigmoid()[:, None] + OVERLAP_SHARE * iou
            share = max(0.0, 1 - QUERIES_OF_TARGET / len(score))
            bar = torch.quantile(score, share, dim=0, keepdim=True)
            chosen = (score > bar) & (score > LEAST_SCORE)
            pairs += [(row, query, before + target) for query, target in chosen.nonzero().tolist()]
        before += len(own)
    return _matches(sorted(pairs), boxes.device)


def _matches(pairs: Sequence[tuple[int, int, int]], device: torch.device) -> Matches:
    table = torch.tensor(pairs, dtype=torch.int64, device=device).view(-1, 3)
    return Matches(*table.unbind(1))
