"""Losses of the compact model on rendered scenes.

InstructSAM's own terms (masked language loss, Hungarian-matched mask BCE and Dice, presence; arXiv
2605.26102 section 3) on every read-out, plus what makes a small model learn from scratch: boxes,
the pointer's target cells, what the nouns of the instruction stand for, and class-agnostic masks and
boxes of every object in the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from instructsam_ros.errors import DivergedError
from instructsam_ros.models.common.boxes import generalized_iou
from instructsam_ros.models.instructsam.compact.pointer import Readout
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.forward import SceneOutput
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, SceneTargets, scene_targets
from instructsam_ros.training.objectives.grounding import AuxiliaryHeads
from instructsam_ros.yaml_config import check_range

EXCEPTION_STRESS = 4.0
"""How much more, at most, what "everything except the knife" leaves out counts than what it means."""


@dataclass(frozen=True)
class SceneLossSettings:
    """Weights of the terms. order: cost of a query slot's distance from its target's rank from the
    left; it breaks the symmetry between slots.
    """

    language: float = 1.0
    score: float = 2.0
    box: float = 1.0
    pointer: float = 1.0
    mask: float = 1.5
    objectness: float = 1.0
    category: float = 1.0
    color: float = 0.5
    named: float = 1.0
    grounding: float = 1.0
    absent: float = 1.0
    missing: float = 1.0
    dense_box: float = 1.0
    dense_mask: float = 1.0
    cell_mask: float = 1.0
    choice: float = 1.0
    order: float = 0.7

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, *(f.name for f in fields(self)))


@dataclass(frozen=True)
class Matches:
    """Row, query slot and instance of every matched pair, int64 [P] each."""

    row: Tensor
    query: Tensor
    instance: Tensor


def scene_loss(
    output: SceneOutput, batch: SceneBatch, heads: AuxiliaryHeads, settings: SceneLossSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum, and every term by name (unweighted, detached)."""
    targets = scene_targets(batch)
    terms = heads.image_losses(output.image.memory, batch, targets)
    terms |= _dense_losses(output, batch, targets)
    if output.readouts:
        terms["language"] = F.cross_entropy(output.token_logits.float(), output.token_labels)
        terms["named"] = heads.phrase_loss(output.phrase_memory, batch, targets)
        terms["grounding"] = heads.grounding_loss(output.word_states, output.image.memory, batch, targets)
        terms["absent"] = heads.absent_loss(output.absence_states, batch)
        terms["missing"] = heads.missing_loss(output.query_states, batch)
        terms |= _set_losses(output, batch, targets, settings)
    weights = {f.name: getattr(settings, f.name) for f in fields(settings)}
    total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
    return total, {name: term.detach() for name, term in terms.items()}


def _dense_losses(output: SceneOutput, batch: SceneBatch, targets: SceneTargets) -> dict[str, Tensor]:
    """Class-agnostic box of every owned cell, and mask of every instance from its own cells."""
    owned = targets.owner != NO_OWNER
    predicted, wanted = output.image.values.boxes[owned], targets.boxes[targets.owner[owned]]
    box = 2 * (predicted - wanted).abs().sum(-1).mean() + (1 - generalized_iou(predicted, wanted)).mean()
    share = targets.coverage / targets.coverage.sum(1, keepdim=True).clamp(min=1e-4)
    embeds = torch.cat(
        [
            share[batch.image_of == image].to(values.dtype) @ values
            for image, values in enumerate(output.image.values.masks)
        ]
    )
    logits = output.mask_logits(embeds, targets.boxes, batch.image_of)
    return {
        "dense_box": box,
        "dense_mask": mask_loss(logits, targets.coarse_masks).mean(),
        "cell_mask": _cell_mask_loss(output, batch, targets),
    }


def _cell_mask_loss(output: SceneOutput, batch: SceneBatch, targets: SceneTargets) -> Tensor:
    """The mask that one random cell of every instance says, with the box it says.

    A query may point at any part of an object; every part has to know the whole.
    """
    generator = torch.Generator().manual_seed(batch.seed)
    weights = targets.cell_weights().cpu()
    cells = (weights * (weights > 0.4)).clamp(min=1e-6).multinomial(1, generator=generator)[:, 0]
    cells = cells.to(batch.image_of.device)
    embeds = output.image.values.masks[batch.image_of, cells]
    boxes = output.image.values.boxes[batch.image_of, cells].detach()
    logits = output.fine_logits(embeds, boxes, batch.image_of)
    return mask_loss(logits, targets.masks).mean()


def _set_losses(
    output: SceneOutput, batch: SceneBatch, targets: SceneTargets, settings: SceneLossSettings
) -> dict[str, Tensor]:
    matches = match(output.readouts[-1], batch, targets, settings.order)
    cell_weights = targets.cell_weights()[matches.instance]
    wanted_boxes, wanted_masks = targets.boxes[matches.instance], targets.coarse_masks[matches.instance]
    present = torch.zeros_like(output.readouts[-1].score_logits)
    present[matches.row, matches.query] = 1.0
    images = output.image_index[matches.row]
    pairs = max(len(matches.row), 1)
    wanted_cells = chosen_cells(output.image_index, batch, targets)
    terms: dict[str, list[Tensor]] = {"score": [], "box": [], "pointer": [], "mask": [], "choice": []}
    for readout in output.readouts:
        terms["choice"].append(wanted_cells.loss(readout.selection_logits))
        terms["score"].append(F.binary_cross_entropy_with_logits(readout.score_logits, present))
        boxes = readout.boxes[matches.row, matches.query]
        distance = 3 * (boxes - wanted_boxes).abs().sum(-1) + 1 - generalized_iou(boxes, wanted_boxes)
        terms["box"].append(distance.sum() / pairs)
        hit = (readout.attention[matches.row, matches.query] * cell_weights).sum(-1)
        terms["pointer"].append(-(hit + 1e-5).log().sum() / pairs)
        embeds = readout.mask_embeds[matches.row, matches.query]
        logits = output.mask_logits(embeds, boxes.detach(), images)
        terms["mask"].append(mask_loss(logits, wanted_masks).sum() / pairs)
    logits = output.fine_logits(embeds, boxes.detach(), images)
    terms["mask"].append(mask_loss(logits, targets.masks[matches.instance]).sum() / pairs)
    return {name: torch.stack(values).mean() for name, values in terms.items()}


@dataclass(frozen=True)
class ChosenCells:
    """wanted: float32 [R, T], 1 on cells of objects that answer the instruction of a row. weights:
    [R, T], sum to one; every object of the picture weighs the same, and so does the background, but
    for exceptions: where fewer of the named objects are not meant than are, each of those weighs more.
    """

    wanted: Tensor
    weights: Tensor

    def loss(self, choice: Tensor) -> Tensor:
        """Cross entropy of choice logits [R, T], the mean over rows."""
        entropy = F.binary_cross_entropy_with_logits(choice, self.wanted, reduction="none")
        return (entropy * self.weights).sum(1).mean()


def chosen_cells(image_index: Tensor, batch: SceneBatch, targets: SceneTargets) -> ChosenCells:
    """What the queries of every row should choose; image_index: int64 [R], the image of a row."""
    # Owners count from 1 here, so that 0 is the background.
    owner, instances = targets.owner + 1, len(batch.image_of)
    answers = torch.zeros(len(batch.targets), instances + 1, device=owner.device)
    stress = torch.ones_like(answers)
    for row, (members, named) in enumerate(zip(batch.targets, batch.named, strict=True)):
        answers[row, [m + 1 for m in members]] = 1.0
        excepted = [m + 1 for m in set(named) - set(members)]
        stress[row, excepted] = min(max(len(members) / max(len(excepted), 1), 1.0), EXCEPTION_STRESS)
    # The background of every image counts apart.
    background = instances + 1 + torch.arange(len(owner), device=owner.device)[:, None]
    group = torch.where(owner == 0, background, owner)
    weights = (1.0 / group.flatten().bincount()[group])[image_index]
    weights = weights * stress.gather(1, owner[image_index])
    weights = weights / weights.sum(1, keepdim=True)
    return ChosenCells(answers.gather(1, owner[image_index]), weights)


@torch.no_grad()
def match(readout: Readout, batch: SceneBatch, targets: SceneTargets, order: float) -> Matches:
    """Hungarian matching per row; n targets compete for the first n query slots.

    Slots are meant to fill from the first on, roughly from left to right. Raises DivergedError where
    predictions are not finite.
    """
    cell_weights, scores = targets.cell_weights(), readout.score_logits.sigmoid()
    rows, queries, instances = [], [], []
    for row, members in enumerate(batch.targets):
        if not members:
            continue
        index = torch.tensor(members, device=scores.device)
        boxes, slots = targets.boxes[index], len(members)
        cost = -2 * readout.attention[row] @ cell_weights[index].T - scores[row][:, None]
        cost = cost + 3 * torch.cdist(readout.boxes[row], boxes, 1)
        cost = cost - generalized_iou(readout.boxes[row][:, None], boxes[None])
        rank = boxes[:, 0].argsort().argsort()
        slot = torch.arange(slots, device=scores.device)
        cost = cost[:slots] + order * (slot[:, None] - rank[None]).abs()
        if not cost.isfinite().all():
            raise DivergedError("what the model predicts is no number any more")
        chosen, assigned = linear_sum_assignment(cost.cpu().numpy())
        rows += [row] * len(chosen)
        queries += chosen.tolist()
        instances += [members[i] for i in assigned]
    device = scores.device
    return Matches(*(torch.tensor(x, dtype=torch.int64, device=device) for x in (rows, queries, instances)))


def mask_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Focal-weighted BCE relative to the object's own area, plus Dice; [n, h, w] -> [n].

    Dividing by the area makes a fork count as much as a plate.
    """
    logits, wanted = logits.flatten(1).float(), wanted.flatten(1).float()
    probability = logits.sigmoid()
    bce = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    error = (probability - wanted).abs()
    area = wanted.sum(1)
    focal = ((bce * error).sum(1) / (2 * area.clamp(min=8))).clamp(max=20)
    dice = 1 - (2 * (probability * wanted).sum(1) + 1) / (probability.sum(1) + area + 1)
    return focal + dice
