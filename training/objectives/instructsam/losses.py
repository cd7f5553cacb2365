"""The losses of InstructSAM: language, masks of matched queries, and scores (section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.inference_mode import InferenceMode
from instructsam_ros.training.objective_settings import LossSettings
from instructsam_ros.training.objectives.instructsam.matching import MatchWeights, match

IGNORE = -100
SAMPLED_POINTS = 112 * 112
OVERSAMPLING = 3
UNCERTAIN_SHARE = 0.75
LOWEST_TARGET = 0.1
"""Score that a matched query is taught at least, however bad its mask still is."""


@dataclass(frozen=True)
class SampleTruth:
    """Ground truth of one sample.

    masks: [N, H, W] in 0..1, all instances of the image. phrase_masks: per phrase, its instances as
    indices into ``masks``; none for a phrase without instances. boxes_only: the masks are filled
    boxes, so only their extent is taught.
    counts: False for a sample that teaches language only, such as one without any target.
    """

    masks: Tensor
    phrase_masks: Sequence[Sequence[int]]
    boxes_only: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Losses:
    """Weighted terms; ``total`` is what to minimise."""

    language: Tensor
    mask_bce: Tensor
    mask_dice: Tensor
    score: Tensor

    @property
    def total(self) -> Tensor:
        """Sum of all terms."""
        return self.language + self.mask_bce + self.mask_dice + self.score


def training_labels(labels: Tensor, query: Tensor) -> Tensor:
    """Labels without the mask queries and the token right of each: int64 [B, L].

    Those tokens are never generated, so they are not trained. query: bool [B, L].
    """
    after_query = F.pad(query[:, :-1], (1, 0))
    return labels.masked_fill(query | after_query, IGNORE)


def instructsam_losses(
    logits: Tensor,
    labels: Tensor,
    detections: Sequence[DetectorOutput | None],
    truths: Sequence[SampleTruth],
    settings: LossSettings,
    mode: InferenceMode,
) -> Losses:
    """All terms of one batch.

    logits: [B, L, vocabulary]; labels: int64 [B, L] from ``training_labels``; the logits at i predict
    the label at i + 1. detections: one per sample, rows in the order of its phrases.
    """
    language = F.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORE
    )
    pairs: list[tuple[Tensor, Tensor]] = []
    scores: list[Tensor] = []
    if mode.last_sample_decides:
        counted = [truths[-1].counts] * len(truths)
    else:
        counted = [truth.counts for truth in truths]
    for detection, truth, counts in zip(detections, truths, counted, strict=True):
        if detection is not None and counts:
            sample_pairs, sample_scores = _sample_losses(detection, truth, settings, mode)
            pairs += sample_pairs
            scores += sample_scores
    nothing = language * 0
    return Losses(
        language=language,
        mask_bce=settings.bce * torch.stack([bce for bce, _ in pairs]).mean() if pairs else nothing,
        mask_dice=settings.dice * torch.stack([dice for _, dice in pairs]).mean() if pairs else nothing,
        score=settings.score * torch.stack(scores).mean() if scores else nothing,
    )


def _sample_losses(
    detection: DetectorOutput, truth: SampleTruth, settings: LossSettings, mode: InferenceMode
) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
    """(bce, dice) of every matched pair and the score loss of every phrase."""
    size = detection.mask_logits.shape[-2:]
    empty = truth.masks.new_zeros(1, *truth.masks.shape[1:])
    masks = F.interpolate(torch.cat([truth.masks, empty])[None].float(), size=size, mode="nearest")[0]
    last = len(masks) - 1  # the empty mask
    weights = MatchWeights(settings.dice, settings.bce, settings.score)
    pairs, scores = [], []
    for mask_logits, score_logits, indices in zip(
        detection.mask_logits, detection.score_logits, truth.phrase_masks, strict=True
    ):
        target = torch.zeros_like(score_logits)
        # A phrase without instances, in a sample that counts, is matched to an empty mask.
        instances = masks[torch.tensor(indices or [last], device=masks.device)].to(mask_logits.dtype)
        for query, instance in zip(*match(mask_logits, score_logits, instances, weights), strict=True):
            predicted, true_mask = mask_logits[query], instances[instance]
            pairs.append(_mask_pair(predicted, true_mask, truth.boxes_only, settings, mode))
            target[query] = max(_mask_quality(predicted, true_mask), LOWEST_TARGET)
        scores.append(F.binary_cross_entropy_with_logits(score_logits, target))
    return pairs, scores


def _mask_pair(
    logits: Tensor, truth: Tensor, boxes_only: bool, settings: LossSettings, mode: InferenceMode
) -> tuple[Tensor, Tensor]:
    """Cross entropy and dice of one matched pair, both [h, w] masks."""
    if boxes_only:
        dice = _box_projection_loss(logits, truth, mode.box_rows_from_channels)
        return dice * 0, dice
    if settings.sample_points:
        points = _uncertain_points(logits.detach())
        logits, truth = _at_points(logits, points), _at_points(truth, points)
    bce = F.binary_cross_entropy_with_logits(logits, truth)
    probability = logits.sigmoid()
    dice = 1 - (2 * (probability * truth).sum() + 1) / (probability.sum() + truth.sum() + 1)
    if mode.weights_twice:
        return settings.bce * bce, settings.dice * dice
    return bce, dice


@torch.no_grad()
def _mask_quality(logits: Tensor, truth: Tensor) -> float:
    """Dice between the predicted probabilities and the truth, 0..1."""
    probability = logits.sigmoid()
    return float((2 * (probability * truth).sum() + 1e-6) / (probability.sum() + truth.sum() + 1e-6))


def _box_projection_loss(logits: Tensor, truth: Tensor, rows_from_channels: bool) -> Tensor:
    """Dice between projections onto the axes (BoxInst, arXiv:2012.02310), on raw logits as released."""

    def dice(a: Tensor, b: Tensor) -> Tensor:
        return 1 - 2 * (a * b).sum() / ((a**2).sum() + (b**2).sum() + 1e-5)

    columns = dice(logits.amax(0), truth.amax(0))
    if rows_from_channels:
        return columns + dice(logits, truth)
    return columns + dice(logits.amax(1), truth.amax(1))


@torch.no_grad()
def _uncertain_points(logits: Tensor) -> Tensor:
    """Points [P, 2] in 0..1, most of them where the mask is undecided (PointRend, arXiv:1912.08193)."""
    candidates = torch.rand(1, SAMPLED_POINTS * OVERSAMPLING, 2, device=logits.device)[0]
    uncertainty = -_at_points(logits.float(), candidates).abs()
    count = int(UNCERTAIN_SHARE * SAMPLED_POINTS)
    uncertain = candidates[uncertainty.topk(count).indices]
    anywhere = torch.rand(1, SAMPLED_POINTS - count, 2, device=logits.device)[0]
    return torch.cat([uncertain, anywhere])


def _at_points(image: Tensor, points: Tensor) -> Tensor:
    """Bilinear values [P] of a [h, w] image at points [P, 2] (x, y in 0..1)."""
    grid = (points * 2 - 1)[None, :, None]
    return F.grid_sample(image.float()[None, None], grid, align_corners=False)[0, 0, :, 0]
