"""Losses of the compact model on rendered scenes.

InstructSAM's own terms (masked language loss, Hungarian-matched mask BCE and Dice, presence; arXiv
2605.26102 section 3) on every read-out, plus terms with which a small model learns from scratch: boxes,
the pointer's target cells, grounding of the nouns of the instruction, and class-agnostic masks and boxes of
every object in the image.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.models.common.boxes import generalized_iou
from instructsam_ros.models.instructsam.compact.pointer import Readout
from instructsam_ros.training.objective_settings import SceneLossSettings
from instructsam_ros.training.objectives.assignment import assign
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.forward import SceneOutput
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, SceneTargets, scene_targets
from instructsam_ros.training.objectives.grounding import AuxiliaryHeads

MAX_EXCEPTION_WEIGHT = 4.0
"""Largest weight, relative to a target, of an excluded object ("the knife" in "all except the knife")."""


@dataclass(frozen=True)
class Matches:
    """Row, query slot and instance of every matched pair, int64 [P] each."""

    row: Tensor
    query: Tensor
    instance: Tensor


def scene_loss(
    output: SceneOutput, batch: SceneBatch, heads: AuxiliaryHeads, settings: SceneLossSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the weighted sum and every term by name (unweighted, detached)."""
    targets = scene_targets(batch)
    terms = heads.image_losses(output.image.memory, batch, targets)
    terms |= _dense_losses(output, batch, targets)
    if output.readouts:
        terms["language"] = F.cross_entropy(output.token_logits.float(), output.token_labels)
        terms["phrase_membership"] = heads.phrase_membership_loss(output.phrase_memory, batch, targets)
        terms["grounding"] = heads.grounding_loss(output.word_states, output.image.memory, batch, targets)
        terms["noun_absence"] = heads.noun_absence_loss(output.absence_states, batch)
        terms["negative_instruction"] = heads.negative_instruction_loss(output.query_states, batch)
        terms |= _set_losses(output, batch, targets, settings)
    weights = {f.name: getattr(settings, f.name) for f in fields(settings)}
    total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
    return total, {name: term.detach() for name, term in terms.items()}


def _dense_losses(output: SceneOutput, batch: SceneBatch, targets: SceneTargets) -> dict[str, Tensor]:
    """Compute the box loss of every owned cell and the mask loss of every instance from its own cells."""
    owned = targets.owner != NO_OWNER
    predicted, truth = output.image.values.boxes[owned], targets.boxes[targets.owner[owned]]
    box = 2 * (predicted - truth).abs().sum(-1).mean() + (1 - generalized_iou(predicted, truth)).mean()
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
        "dense_mask": instance_mask_loss(logits, targets.coarse_masks, batch.box_only).mean(),
        "cell_mask": _cell_mask_loss(output, batch, targets),
    }


def _cell_mask_loss(output: SceneOutput, batch: SceneBatch, targets: SceneTargets) -> Tensor:
    """Mask loss of the prediction of one random cell of every instance, within the box that it predicts.

    A query may point at any part of an object, so every cell has to predict the whole mask.
    """
    generator = torch.Generator().manual_seed(batch.seed)
    weights = targets.cell_weights().cpu()
    cells = (weights * (weights > 0.4)).clamp(min=1e-6).multinomial(1, generator=generator)[:, 0]
    cells = cells.to(batch.image_of.device)
    embeds = output.image.values.masks[batch.image_of, cells]
    boxes = output.image.values.boxes[batch.image_of, cells].detach()
    logits = output.fine_logits(embeds, boxes, batch.image_of)
    return instance_mask_loss(logits, targets.masks, batch.box_only).mean()


def _set_losses(
    output: SceneOutput, batch: SceneBatch, targets: SceneTargets, settings: SceneLossSettings
) -> dict[str, Tensor]:
    matches = match(output.readouts[-1], batch, targets, settings.order)
    cell_weights = targets.cell_weights()[matches.instance]
    true_boxes, true_masks = targets.boxes[matches.instance], targets.coarse_masks[matches.instance]
    present = torch.zeros_like(output.readouts[-1].score_logits)
    present[matches.row, matches.query] = 1.0
    images, box_only = output.image_index[matches.row], batch.box_only[matches.instance]
    pairs = max(len(matches.row), 1)
    selection = selection_targets(output.image_index, batch, targets)
    terms: dict[str, list[Tensor]] = {"score": [], "box": [], "pointer": [], "mask": [], "selection": []}
    for readout in output.readouts:
        terms["selection"].append(selection.loss(readout.selection_logits))
        terms["score"].append(F.binary_cross_entropy_with_logits(readout.score_logits, present))
        boxes = readout.boxes[matches.row, matches.query]
        distance = 3 * (boxes - true_boxes).abs().sum(-1) + 1 - generalized_iou(boxes, true_boxes)
        terms["box"].append(distance.sum() / pairs)
        hit = (readout.attention[matches.row, matches.query] * cell_weights).sum(-1)
        terms["pointer"].append(-(hit + 1e-5).log().sum() / pairs)
        embeds = readout.mask_embeds[matches.row, matches.query]
        logits = output.mask_logits(embeds, boxes.detach(), images)
        terms["mask"].append(instance_mask_loss(logits, true_masks, box_only).sum() / pairs)
    logits = output.fine_logits(embeds, boxes.detach(), images)
    fine = instance_mask_loss(logits, targets.masks[matches.instance], box_only).sum()
    terms["mask"].append(fine / pairs)
    return {name: torch.stack(values).mean() for name, values in terms.items()}


@dataclass(frozen=True)
class SelectionTargets:
    """labels: float32 [R, T], 1 on cells of the target objects of a row's instruction. weights: [R, T], sum
    to one in every row; all objects of the image and the background weigh the same, except that excluded
    objects of the phrase weigh more where they are fewer than the targets (see MAX_EXCEPTION_WEIGHT).
    """

    labels: Tensor
    weights: Tensor

    def loss(self, selection_logits: Tensor) -> Tensor:
        """Compute the cross entropy of selection logits [R, T], the mean over rows."""
        entropy = F.binary_cross_entropy_with_logits(selection_logits, self.labels, reduction="none")
        return (entropy * self.weights).sum(1).mean()


def selection_targets(image_index: Tensor, batch: SceneBatch, targets: SceneTargets) -> SelectionTargets:
    """Compute the selection targets of every row. image_index: int64 [R], the image of a row."""
    # Owners count from 1 here, so that 0 is the background.
    owner, instances = targets.owner + 1, len(batch.image_of)
    labels = torch.zeros(len(batch.targets), instances + 1, device=owner.device)
    emphasis = torch.ones_like(labels)
    for row, (members, named) in enumerate(zip(batch.targets, batch.named, strict=True)):
        labels[row, [m + 1 for m in members]] = 1.0
        excepted = [m + 1 for m in set(named) - set(members)]
        emphasis[row, excepted] = min(max(len(members) / max(len(excepted), 1), 1.0), MAX_EXCEPTION_WEIGHT)
    # The background of every image is a group of its own.
    background = instances + 1 + torch.arange(len(owner), device=owner.device)[:, None]
    group = torch.where(owner == 0, background, owner)
    weights = (1.0 / group.flatten().bincount()[group])[image_index]
    weights = weights * emphasis.gather(1, owner[image_index])
    weights = weights / weights.sum(1, keepdim=True)
    return SelectionTargets(labels.gather(1, owner[image_index]), weights)


@torch.no_grad()
def match(readout: Readout, batch: SceneBatch, targets: SceneTargets, order: float) -> Matches:
    """Match queries to targets per row (Hungarian); n targets are assigned to the first n query slots.

    The ``order`` cost fills slots roughly from left to right. Raises DivergedError where
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
        chosen, assigned = assign(cost)
        rows += [row] * len(chosen)
        queries += chosen.tolist()
        instances += [members[i] for i in assigned]
    device = scores.device
    return Matches(*(torch.tensor(x, dtype=torch.int64, device=device) for x in (rows, queries, instances)))


def mask_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Compute focal-weighted BCE divided by the object's area, plus Dice; [n, h, w] -> [n].

    The division by the area gives small and large objects the same weight.
    """
    logits, truth = logits.flatten(1).float(), truth.flatten(1).float()
    probability = logits.sigmoid()
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    error = (probability - truth).abs()
    area = truth.sum(1)
    focal = ((bce * error).sum(1) / (2 * area.clamp(min=8))).clamp(max=20)
    dice = 1 - (2 * (probability * truth).sum(1) + 1) / (probability.sum(1) + area + 1)
    return focal + dice


def instance_mask_loss(logits: Tensor, truth: Tensor, box_only: Tensor) -> Tensor:
    """Compute the mask loss of instances, the projection loss of those with a box alone (bool [n])."""
    if not box_only.any():
        return mask_loss(logits, truth)
    return torch.where(box_only, projection_loss(logits, truth), mask_loss(logits, truth))


def projection_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Compare what masks [n, h, w] cover of the two axes with the sides of a box; -> [n].

    truth: anything that touches all sides of the box. The loss is that of BoxInst (Tian et al., arXiv
    2012.02310, section 3.1): one minus the Dice coefficient of the maxima of every row, plus that of columns.
    """
    probability, truth = logits.float().sigmoid(), truth.float()
    losses = []
    for axis in (1, 2):
        found, side = probability.amax(axis), truth.amax(axis)
        overlap = 2 * (found * side).sum(1)
        losses.append(1 - (overlap + 1) / (found.square().sum(1) + side.square().sum(1) + 1))
    return torch.stack(losses).sum(0)
