"""The set loss of SAM 3, as its training code weights it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.models.sam3.modeling import LayerOutput, Sam3Output
from instructsam_ros.training.objectives.sam3i.matching import Matches, one_to_many, one_to_one, overlaps

BOX_L1, BOX_GIOU = 5.0, 2.0
CLASS, POSITIVE, LEAST_QUERIES = 20.0, 10.0, 200
PRESENCE = 20.0
MASK, DICE = 200.0, 10.0
SEMANTIC, SEMANTIC_DICE, SEMANTIC_ALPHA = 20.0, 30.0, 0.6
ONE_TO_MANY = 2.0


@dataclass(frozen=True)
class PromptTruth:
    """What one prompt names in its image: boxes [n, 4] as cx cy w h in 0..1, masks bool [n, H, W]."""

    boxes: Tensor
    masks: Tensor

    def to(self, device: torch.device) -> PromptTruth:
        """A copy on ``device``."""
        return PromptTruth(self.boxes.to(device), self.masks.to(device))


def set_loss(output: Sam3Output, truths: Sequence[PromptTruth]) -> dict[str, Tensor]:
    """Compute the weighted terms of B prompts: boxes, class, presence, masks, one_to_many and semantic.

    One-to-many queries may answer for several instances each, and for one that has another query. All decoder
    layers have box, class and presence losses, the last one those of masks.
    The terms are multiplied by the root of the number of prompts.
    """
    boxes = [truth.boxes.float() for truth in truths]
    masks = [truth.masks for truth in truths]
    count = max(1, sum(map(len, boxes)))
    single = output.single_queries
    terms: dict[str, Tensor] = {}
    for index, layer in enumerate(output.layers):
        is_last = index == len(output.layers) - 1
        own, others = _cut(layer, 0, single), _cut(layer, single, layer.logits.shape[1])
        found = one_to_one(own.logits, own.boxes, boxes)
        _add(terms, _layer_terms(own, found, boxes, count, presence=True))
        if is_last:
            _add(terms, _mask_terms(output.mask_logits[:, :single], found, masks, count))
        if others.logits.shape[1]:
            match = one_to_many if is_last else one_to_one
            found = match(others.logits, others.boxes, boxes)
            extra = _layer_terms(others, found, boxes, count, presence=False)
            if is_last:
                _add(extra, _mask_terms(output.mask_logits[:, single:], found, masks, count))
            _add(terms, {"one_to_many": ONE_TO_MANY * torch.stack(list(extra.values())).sum()})
    _add(terms, {"semantic": semantic_loss(output.semantic_logits, masks)})
    return {name: term * len(truths) ** 0.5 for name, term in terms.items()}


def union_masks(masks: Sequence[Tensor]) -> Tensor:
    """Unite the instances [n, H, W] of each prompt: float32 [B, H, W]."""
    return torch.stack([own.any(0) for own in masks]).float()


def semantic_loss(logits: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Compute focal and dice loss of one map per prompt [B, 1, h, w] against the united instances."""
    union = union_masks(masks)
    counts = union.flatten(1).any(1).float()
    resized = _resize(logits[:, 0], union).flatten(1)
    target = union.flatten(1)
    loss = SEMANTIC * _focal(resized, target, SEMANTIC_ALPHA).mean(1) + SEMANTIC_DICE * _dice(resized, target)
    return (loss * counts).sum() / (counts.sum() + 1e-6)


def _cut(layer: LayerOutput, start: int, stop: int) -> LayerOutput:
    return LayerOutput(
        layer.logits[:, start:stop].float(), layer.boxes[:, start:stop].float(), layer.presence.float()
    )


def _add(terms: dict[str, Tensor], more: dict[str, Tensor]) -> None:
    for name, term in more.items():
        terms[name] = terms[name] + term if name in terms else term


def _layer_terms(
    layer: LayerOutput, found: Matches, boxes: Sequence[Tensor], count: int, *, presence: bool
) -> dict[str, Tensor]:
    truth = torch.cat(list(boxes)).to(layer.boxes)
    rows, queries, targets = found
    predicted, wanted = layer.boxes[rows, queries], truth[targets]
    iou, giou = overlaps(predicted, wanted)
    logits = layer.logits
    p = logits.sigmoid()
    positive = torch.zeros_like(logits)
    positive[rows, queries] = 1
    soft = positive.clone()
    soft[rows, queries] = (p[rows, queries] ** 0.25 * iou**0.75).clamp(min=0.01).detach()
    loss = F.binary_cross_entropy_with_logits(logits, soft, reduction="none") * positive * POSITIVE
    loss = loss + F.binary_cross_entropy_with_logits(logits, positive, reduction="none") * (
        (1 - positive) * p**2
    )
    has_target = logits.new_tensor([[float(len(own) > 0)] for own in boxes])
    terms = {
        "box": (BOX_L1 * (predicted - wanted).abs().sum() + BOX_GIOU * (1 - giou).sum()) / count,
        "class": CLASS * (loss * has_target).sum() / (max(LEAST_QUERIES, logits.shape[1]) * len(logits)),
    }
    if presence:
        bce = F.binary_cross_entropy_with_logits(layer.presence, has_target)
        terms["presence"] = PRESENCE * 0.5 * bce
    return terms


def _mask_terms(logits: Tensor, found: Matches, masks: Sequence[Tensor], count: int) -> dict[str, Tensor]:
    rows, queries, targets = found
    truth = torch.cat(list(masks))[targets].float()
    if not len(truth):
        return {"mask": logits.sum() * 0.0}
    resized = _resize(logits[rows, queries], truth).flatten(1)
    target = truth.flatten(1)
    focal, dice = _focal(resized, target, 0.25).mean(1).sum(), _dice(resized, target).sum()
    return {"mask": (MASK * focal + DICE * dice) / count}


def _resize(logits: Tensor, like: Tensor) -> Tensor:
    """Resize [n, h, w] to the size of masks."""
    size = like.shape[-2:]
    return F.interpolate(logits[:, None].float(), size, mode="bilinear", align_corners=False)[:, 0]


def _focal(logits: Tensor, target: Tensor, alpha: float) -> Tensor:
    p = logits.sigmoid()
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    right = p * target + (1 - p) * (1 - target)
    return (alpha * target + (1 - alpha) * (1 - target)) * bce * (1 - right) ** 2


def _dice(logits: Tensor, target: Tensor) -> Tensor:
    p = logits.sigmoid()
    return 1 - (2 * (p * target).sum(1) + 1) / (p.sum(1) + target.sum(1) + 1)
