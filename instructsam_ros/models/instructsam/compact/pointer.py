"""Pointer read-out: what lets a detector trained from scratch on a small budget find its objects.

Every query points at the cells of the detector's memory. Each cell already predicts, without
knowing any instruction, the box and the mask embedding of the object it lies on (CellPredictions); the
query reads the pointed-at cells and adds a correction of its own. Finding an object is thereby
separated from delineating it, and delineation can be supervised on every object of every image.
Choosing is a third step: all queries together say which cells belong to an answer, and each points at
its share of them. So that, too, can be supervised on every object, whichever query answers with it.
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
"""Cells whose boxes overlap more are taken for parts of one object."""

TINY = 1e-9
"""Keeps a query that has nothing left to point at defined."""

CHOICE_SCORE = 0.5
"""Start value of what a query's score gains per unit of the choice logit where it points."""


@torch.no_grad()
def same_object(boxes: Tensor) -> Tensor:
    """Which cells say nearly the same box: [n, T, 4] -> bool [n, T, T]."""
    return pairwise_iou(boxes) > SAME_OBJECT_IOU


@dataclass(frozen=True)
class CellPredictions:
    """Class-agnostic prediction of every memory cell.

    masks: [B, T, C] mask embeddings. boxes: [B, T, 4] cx cy w h in 0..1, float32. same: bool [B, T, T],
    which cells are taken for parts of one object (``same_object``). cells: [T, 4], the cells themselves
    as such boxes.
    """

    masks: Tensor
    boxes: Tensor
    same: Tensor
    cells: Tensor

    def rows(self, image_index: Tensor) -> CellPredictions:
        """Values of the image of every row."""
        return CellPredictions(
            self.masks[image_index], self.boxes[image_index], self.same[image_index], self.cells
        )

    def assign_exclusively(self, attention: Tensor, order: Tensor) -> Tensor:
        """Attention [n, Q, T] restricted to one object each, summing to one again.

        Between two objects that fit alike, attention is shared; what is read there would be a mixture
        of both. And two queries may prefer the same object; the one that comes first in order, int64
        [n, Q], takes it, the other one its next best. An object is what lies in the box that its
        strongest cell predicts; it is taken with all cells that predict nearly that box.
        """
        free, turns, taken = torch.ones_like(attention[:, 0]), [], []
        for wished in pick(attention, order).unbind(1):
            turns.append(wished * free)
            taken.append(turns[-1].argmax(-1, keepdim=True))
            same = pick(self.same, taken[-1])[:, 0]
            free = free.masked_fill(same, 0.0).scatter_(-1, taken[-1], 0.0)
        left, strongest = torch.stack(turns, 1), torch.stack(taken, 1)
        boxes = pick(self.boxes, strongest[..., 0])[:, :, None]
        apart = (self.cells[:, :2] - boxes[..., :2]).abs()
        inside = (apart <= (boxes[..., 2:] + self.cells[:, 2:]) / 2).all(-1)
        kept = (left * inside).scatter(-1, strongest, left.amax(-1, keepdim=True).clamp(min=TINY))
        return pick(kept / kept.sum(-1, keepdim=True), order.argsort(-1))


@dataclass(frozen=True)
class Readout:
    """What Q queries of n rows read.

    selection_logits: [n, T], float32 logits of "this cell belongs to an answer", which all queries share.
    attention: [n, Q, T], sums to one. mask_embeds: [n, Q, C]. boxes: [n, Q, 4] cx cy w h in 0..1.
    score_logits: [n, Q], float32. queries: [n, Q, C], the input queries plus what they point at.
    """

    selection_logits: Tensor
    attention: Tensor
    mask_embeds: Tensor
    boxes: Tensor
    score_logits: Tensor
    queries: Tensor


class PointerReadout(nn.Module):
    """Shared by the decoder's input and all of its layers.

    In training a query reads everything it points at, so that gradients tell the good cells from the
    bad ones; in use it commits to one object, and no two queries to the same one. Training therefore learns
    scores of mixtures, in which being chosen says less than it does of one object: choice_gain, found on
    held-out scenes like a threshold, is what it says more in use.
    """

    def __init__(self, channels: int, choice_gain: float = 0.0) -> None:
        super().__init__()
        self.choice_gain = choice_gain
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
        """memory [B, T, C] of one image, T = rows*columns cells; boxes start centred on their cell."""
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
        """Keys of (position-encoded) memory cells, [n, T, C]; computed once for all layers."""
        keys: Tensor = self.key_proj(memory)
        return keys

    def global_query(self, queries: Tensor) -> Tensor:
        """What the language model's queries [n, Q, C] say of the choice, [n, 1, C]; every read-out is told.

        Layers bind queries to single objects and forget what an answer is to leave out: before they were
        told, a probe could read what "everything except the knife" leaves out from 89 % of the mean states
        that enter the first read-out and from 48 % of those that enter the last.
        """
        global_query: Tensor = self.choice_asked(self.norm(queries).mean(1, keepdim=True))
        return global_query

    def forward(
        self,
        queries: Tensor,
        memory: Tensor,
        keys: Tensor,
        values: CellPredictions,
        said: Tensor,
        global_query: Tensor,
    ) -> Readout:
        """queries [n, Q, C], memory and keys [n, T, C], values of the same n rows. said: [n, Q], what the
        detector adds to the scores. global_query: [n, 1, C], see there.
        """
        state = self.norm(queries)
        chosen = self.choice_proj(state.mean(1, keepdim=True)) + global_query
        choice = self._similarity(chosen, keys) + self.choice_bias
        logits = self._similarity(self.query_proj(state), keys)
        # The logarithm of a sigmoid, written so that ONNX Runtime has it, too: its sigmoid is 0 from -18 on.
        attention = (logits - F.softplus(-choice)).softmax(-1)
        own = self.score(state).squeeze(-1).float() + said
        read = attention
        if not self.training:
            read = values.assign_exclusively(attention, self.order(own + self._chosen(attention, choice)))
        pointed = (read @ values.boxes).clamp(BOX_LOGIT_EPS, 1 - BOX_LOGIT_EPS)
        return Readout(
            selection_logits=choice.squeeze(1),
            attention=attention,
            mask_embeds=read.to(memory.dtype) @ values.masks + self.mask_correction(state),
            boxes=(pointed.logit() + self.box_correction(state).float()).sigmoid(),
            score_logits=own + self._chosen(read, choice),
            queries=queries + self.rebind(attention.to(memory.dtype) @ memory),
        )

    def order(self, scores: Tensor) -> Tensor:
        """In which order queries take their objects, int64 [n, Q]: the highest score [n, Q] first."""
        return scores.argsort(-1, descending=True)

    def _chosen(self, read: Tensor, choice: Tensor) -> Tensor:
        """What scores gain [n, Q] by how much is chosen where queries read [n, Q, T]."""
        per_unit = self.choice_score if self.training else self.choice_score + self.choice_gain
        gain: Tensor = per_unit * (read * choice).sum(-1)
        return gain

    @staticmethod
    def _similarity(queries: Tensor, keys: Tensor) -> Tensor:
        return (queries @ keys.transpose(1, 2)).float() / math.sqrt(keys.shape[-1])


class BoxPrior(nn.Module):
    """Lowers mask logits outside the predicted box, so that look-alikes elsewhere stay out."""

    MARGIN = 1.1
    MIN_SIZE = 0.03
    MAX_DISTANCE = 8.0

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.0))

    def forward(self, boxes: Tensor, height: int, width: int) -> Tensor:
        """boxes [..., 4] cx cy w h in 0..1 -> non-positive bias [..., height, width], float32."""
        cx, cy, w, h = boxes.float().unbind(-1)
        x = (torch.arange(width, device=boxes.device) + 0.5) / width
        y = (torch.arange(height, device=boxes.device) + 0.5) / height
        dx = self._distance(x - cx[..., None], w[..., None])
        dy = self._distance(y - cy[..., None], h[..., None])
        return -2 * F.softplus(self.slope) * (dx[..., None, :] + dy[..., :, None])

    def _distance(self, offset: Tensor, size: Tensor) -> Tensor:
        """How far outside the box, in half box sizes; 0 inside the margin."""
        distance = F.relu(offset.abs() / (size.clamp(min=self.MIN_SIZE) / 2) - self.MARGIN)
        return distance.clamp(max=self.MAX_DISTANCE)


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two linear layers with a GELU between."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def zero_last(layers: nn.Sequential) -> nn.Sequential:
    """Zero the last layer, so that a correction starts as no correction."""
    last = layers[-1]
    nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return layers


def pick(x: Tensor, index: Tensor) -> Tensor:
    """x [n, K, C], int64 index [n, k] -> [n, k, C]: per row, the entries that ``index`` names."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))
