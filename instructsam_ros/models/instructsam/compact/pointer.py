"""Pointer read-out, which lets a detector trained from scratch on a small budget find its objects.

Every query attends to the cells of the detector's memory. Each cell predicts, independently of any
instruction, the box and the mask embedding of the object that covers it (CellPredictions); the query reads
the attended cells and adds a correction. Localization is thereby separated from delineation, and
delineation can be supervised on every object of every image. Selection is a third step: the mean of all
queries determines which cells belong to targets, and the attention of each query is restricted to these.
Selection, too, can be supervised on every object, independently of the query that it is assigned to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.common.boxes import pairwise_iou

BOX_LOGIT_EPS = 0.005

SAME_OBJECT_IOU = 0.5
"""Cells whose boxes have a larger IoU count as parts of one object."""

TINY = 1e-9
"""Attention of a query that has no free cell left; avoids a division by zero."""

CHOICE_SCORE = 0.5
"""Initial weight of the selection logits, at the attended cells, in a query's score."""


@torch.no_grad()
def same_object(boxes: Tensor) -> Tensor:
    """Compare the boxes that cells predict: [n, T, 4] -> bool [n, T, T], True where they nearly agree."""
    return pairwise_iou(boxes) > SAME_OBJECT_IOU


@dataclass(frozen=True)
class CellPredictions:
    """Class-agnostic prediction of every memory cell.

    masks: [B, T, C] mask embeddings. boxes: [B, T, 4] cx cy w h in 0..1, float32. same: bool [B, T, T],
    which cells count as parts of one object (``same_object``). cells: [T, 4], the cells themselves
    as such boxes.
    """

    masks: Tensor
    boxes: Tensor
    same: Tensor
    cells: Tensor

    def rows(self, image_index: Tensor) -> CellPredictions:
        """Select the predictions of the image of every row."""
        return CellPredictions(
            self.masks[image_index], self.boxes[image_index], self.same[image_index], self.cells
        )

    def assign_exclusively(self, attention: Tensor, order: Tensor) -> Tensor:
        """Restrict the attention [n, Q, T] of each query to one object, no two queries to the same one, and
        normalise it again.

        Attention that is split between two similar objects would read a mixture of both. Where two queries
        prefer the same object, it is assigned to the earlier one in ``order``, int64 [n, Q], and the other
        query gets its next best. The object of a query is the box that its strongest cell predicts; it is
        assigned with all cells that predict nearly that box.
        """
        free, available, strongest_cells = torch.ones_like(attention[:, 0]), [], []
        for weights in pick(attention, order).unbind(1):
            available.append(weights * free)
            strongest_cells.append(available[-1].argmax(-1, keepdim=True))
            same = pick(self.same, strongest_cells[-1])[:, 0]
            free = free.masked_fill(same, 0.0).scatter_(-1, strongest_cells[-1], 0.0)
        left, strongest = torch.stack(available, 1), torch.stack(strongest_cells, 1)
        boxes = pick(self.boxes, strongest[..., 0])[:, :, None]
        distance = (self.cells[:, :2] - boxes[..., :2]).abs()
        inside = (distance <= (boxes[..., 2:] + self.cells[:, 2:]) / 2).all(-1)
        kept = (left * inside).scatter(-1, strongest, left.amax(-1, keepdim=True).clamp(min=TINY))
        return pick(kept / kept.sum(-1, keepdim=True), order.argsort(-1))


@dataclass(frozen=True)
class Readout:
    """Predictions of Q queries of n rows.

    selection_logits: [n, T], float32 logits of "this cell belongs to a target", which all queries share.
    attention: [n, Q, T], sums to one. mask_embeds: [n, Q, C]. boxes: [n, Q, 4] cx cy w h in 0..1.
    score_logits: [n, Q], float32. queries: [n, Q, C], the input queries plus the attended memory,
    projected.
    """

    selection_logits: Tensor
    attention: Tensor
    mask_embeds: Tensor
    boxes: Tensor
    score_logits: Tensor
    queries: Tensor


class PointerReadout(nn.Module):
    """Shared by the decoder's input and all of its layers.

    In training a query reads all cells it attends to, so that gradients separate good cells from bad ones; at
    inference each query is assigned one object, exclusively. Scores are therefore learned on mixtures, in
    which the selection logits are less informative than for one object; selection_score_gain, tuned on the
    validation split like a threshold, is added to their weight at inference.
    """

    def __init__(self, channels: int, selection_score_gain: float = 0.0, order_by_score: bool = True) -> None:
        """order_by_score: see ``order``."""
        super().__init__()
        self.selection_score_gain, self.order_by_score = selection_score_gain, order_by_score
        self.norm = nn.LayerNorm(channels)
        self.query_proj = nn.Linear(channels, channels)
        self.key_proj = nn.Linear(channels, channels)
        self.choice_proj = zero_last(mlp(channels, channels, channels))
        self.choice_asked = zero_last(mlp(channels, channels, channels))
        self.choice_bias = nn.Parameter(torch.zeros(1))
        self.choice_score = nn.Parameter(torch.tensor(CHOICE_SCORE))
        self.mask_values = mlp(channels, channels, channels)
        self.box_values = mlp(channels, channels, 4)
        self.mask_correction = zero_last(mlp(channels, channels, channels))
        self.box_correction = zero_last(mlp(channels, channels, 4))
        self.score = mlp(channels, channels, 1)
        self.rebind = nn.Linear(channels, channels)
        nn.init.zeros_(self.rebind.weight)

    def cell_predictions(self, memory: Tensor, rows: int, columns: int) -> CellPredictions:
        """Predict from memory [B, T, C], T = rows*columns cells; initial boxes are centred on their cell."""
        y, x = torch.meshgrid(
            (torch.arange(rows, device=memory.device) + 0.5) / rows,
            (torch.arange(columns, device=memory.device) + 0.5) / columns,
            indexing="ij",
        )
        cells = torch.stack([x, y, torch.full_like(x, 1 / columns), torch.full_like(y, 1 / rows)], -1)
        cells = cells.flatten(0, 1)
        start = torch.cat([cells[:, :2], 2 * cells[:, 2:]], -1)
        offset = self.box_values(memory).float()
        boxes = (offset + start.logit()).sigmoid()
        return CellPredictions(self.mask_values(memory), boxes, same_object(boxes), cells)

    def keys(self, memory: Tensor) -> Tensor:
        """Project (position-encoded) memory cells to keys [n, T, C]; computed once for all layers."""
        keys: Tensor = self.key_proj(memory)
        return keys

    def global_query(self, queries: Tensor) -> Tensor:
        """Project the language model's queries [n, Q, C] to a common selection query [n, 1, C], which is an
        input of every read-out.

        Decoder layers bind queries to single objects and lose the exclusions of an instruction: without this
        input, a linear probe recovered the object excluded by "everything except the knife" from 89 % of the
        mean states at the first read-out and from 48 % at the last.
        """
        global_query: Tensor = self.choice_asked(self.norm(queries).mean(1, keepdim=True))
        return global_query

    def forward(
        self,
        queries: Tensor,
        memory: Tensor,
        keys: Tensor,
        values: CellPredictions,
        text_scores: Tensor,
        global_query: Tensor,
    ) -> Readout:
        """Read out queries [n, Q, C] on memory and keys [n, T, C]; values: of the same n rows. text_scores:
        [n, Q], added to the scores. global_query: [n, 1, C], see ``PointerReadout.global_query``.
        """
        state = self.norm(queries)
        selection_query = self.choice_proj(state.mean(1, keepdim=True)) + global_query
        selection = self._similarity(selection_query, keys) + self.choice_bias
        logits = self._similarity(self.query_proj(state), keys)
        # The logarithm of a sigmoid, in a form that is exact in ONNX Runtime, whose sigmoid is 0 below -18.
        attention = (logits - F.softplus(-selection)).softmax(-1)
        own = self.score(state).squeeze(-1).float() + text_scores
        read = attention
        if not self.training:
            read = values.assign_exclusively(
                attention, self.order(own + self._selection_score(attention, selection))
            )
        boxes = (read @ values.boxes).clamp(BOX_LOGIT_EPS, 1 - BOX_LOGIT_EPS)
        return Readout(
            selection_logits=selection.squeeze(1),
            attention=attention,
            mask_embeds=read.to(memory.dtype) @ values.masks + self.mask_correction(state),
            boxes=(boxes.logit() + self.box_correction(state).float()).sigmoid(),
            score_logits=own + self._selection_score(read, selection),
            queries=queries + self.rebind(attention.to(memory.dtype) @ memory),
        )

    def order(self, scores: Tensor) -> Tensor:
        """Return the order in which queries are assigned objects, int64 [n, Q]: by falling score [n, Q], or
        as they come.
        """
        if self.order_by_score:
            return scores.argsort(-1, descending=True)
        return torch.arange(scores.shape[-1], device=scores.device).expand_as(scores)

    def _selection_score(self, read: Tensor, selection: Tensor) -> Tensor:
        """Return the part [n, Q] of the scores that the selection logits at the read cells [n, Q, T] give."""
        weight = self.choice_score if self.training else self.choice_score + self.selection_score_gain
        score: Tensor = weight * (read * selection).sum(-1)
        return score

    @staticmethod
    def _similarity(queries: Tensor, keys: Tensor) -> Tensor:
        return (queries @ keys.transpose(1, 2)).float() / math.sqrt(keys.shape[-1])


class BoxPrior(nn.Module):
    """Lowers mask logits outside the predicted box, which suppresses similar objects elsewhere."""

    MARGIN = 1.1
    MIN_SIZE = 0.03
    MAX_DISTANCE = 8.0

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.0))

    def forward(self, boxes: Tensor, height: int, width: int) -> Tensor:
        """Compute a non-positive float32 bias [..., height, width] from boxes [..., 4], cx cy w h in 0..1."""
        cx, cy, w, h = boxes.float().unbind(-1)
        x = (torch.arange(width, device=boxes.device) + 0.5) / width
        y = (torch.arange(height, device=boxes.device) + 0.5) / height
        dx = self._distance(x - cx[..., None], w[..., None])
        dy = self._distance(y - cy[..., None], h[..., None])
        return -2 * F.softplus(self.slope) * (dx[..., None, :] + dy[..., :, None])

    def _distance(self, offset: Tensor, size: Tensor) -> Tensor:
        """Return the distance outside the box in half box sizes; 0 inside the margin."""
        distance = F.relu(offset.abs() / (size.clamp(min=self.MIN_SIZE) / 2) - self.MARGIN)
        return distance.clamp(max=self.MAX_DISTANCE)


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Build two linear layers with a GELU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def zero_last(layers: nn.Sequential) -> nn.Sequential:
    """Set the last layer to zero, so that the initial correction is zero."""
    last = layers[-1]
    nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return layers


def pick(x: Tensor, index: Tensor) -> Tensor:
    """Gather per row: x [n, K, C], int64 index [n, k] -> [n, k, C]."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))
