"""Pointer read-out: what lets a detector trained from scratch on a small budget find its objects.

Every query points at the cells of the detector's memory. Each cell already predicts, without
knowing any instruction, the box and the mask embedding of the object it lies on (DenseValues); the
query reads the pointed-at cells and adds a correction of its own. Finding an object is thereby
separated from delineating it, and delineation can be supervised on every object of every image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BOX_LOGIT_EPS = 0.005


@dataclass(frozen=True)
class DenseValues:
    """Class-agnostic prediction of every memory cell.

    masks: [B, T, C] mask embeddings. boxes: [B, T, 4] cx cy w h in 0..1, float32. cells: [T, 4], the
    cells themselves as such boxes.
    """

    masks: Tensor
    boxes: Tensor
    cells: Tensor

    def rows(self, image_index: Tensor) -> DenseValues:
        """Values of the image of every row."""
        return DenseValues(self.masks[image_index], self.boxes[image_index], self.cells)

    def commit(self, attention: Tensor) -> Tensor:
        """Attention [n, Q, T] restricted to the object under its strongest cell, summing to one again.

        Between two objects that fit alike, attention is shared; what is read there would be a
        mixture of both.
        """
        strongest = attention.argmax(-1, keepdim=True)
        box = self.boxes.gather(1, strongest.expand(-1, -1, 4))[:, :, None]
        apart = (self.cells[:, :2] - box[..., :2]).abs()
        inside = (apart <= (box[..., 2:] + self.cells[:, 2:]) / 2).all(-1)
        inside = inside.scatter(-1, strongest, torch.ones_like(strongest, dtype=torch.bool))
        kept = attention * inside
        return kept / kept.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Readout:
    """What Q queries of n rows read.

    attention: [n, Q, T], sums to one. mask_embeds: [n, Q, C]. boxes: [n, Q, 4] cx cy w h in 0..1.
    score_logits: [n, Q], float32. queries: [n, Q, C], the input queries plus what they point at.
    """

    attention: Tensor
    mask_embeds: Tensor
    boxes: Tensor
    score_logits: Tensor
    queries: Tensor


class PointerReadout(nn.Module):
    """Shared by the decoder's input and all of its layers.

    In training a query reads everything it points at, so that gradients tell the good cells from the
    bad ones; in use it commits to one object.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.query_proj = nn.Linear(channels, channels)
        self.key_proj = nn.Linear(channels, channels)
        self.mask_values = mlp(channels, channels, channels)
        self.box_values = mlp(channels, channels, 4)
        self.mask_correction = zero_last(mlp(channels, channels, channels))
        self.box_correction = zero_last(mlp(channels, channels, 4))
        self.score = mlp(channels, channels, 1)
        self.rebind = nn.Linear(channels, channels)
        nn.init.zeros_(self.rebind.weight)

    def dense_values(self, memory: Tensor, rows: int, columns: int) -> DenseValues:
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
        return DenseValues(self.mask_values(memory), (offset + start.logit()).sigmoid(), cells)

    def keys(self, memory: Tensor) -> Tensor:
        """Keys of (position-encoded) memory cells, [n, T, C]; computed once for all layers."""
        keys: Tensor = self.key_proj(memory)
        return keys

    def forward(self, queries: Tensor, memory: Tensor, keys: Tensor, values: DenseValues) -> Readout:
        """queries [n, Q, C], memory and keys [n, T, C], values of the same n rows."""
        state = self.norm(queries)
        logits = (self.query_proj(state) @ keys.transpose(1, 2)).float() / math.sqrt(keys.shape[-1])
        attention = logits.softmax(-1)
        read = attention if self.training else values.commit(attention)
        pointed = (read @ values.boxes).clamp(BOX_LOGIT_EPS, 1 - BOX_LOGIT_EPS)
        return Readout(
            attention=attention,
            mask_embeds=read.to(memory.dtype) @ values.masks + self.mask_correction(state),
            boxes=(pointed.logit() + self.box_correction(state).float()).sigmoid(),
            score_logits=self.score(state).squeeze(-1).float(),
            queries=queries + self.rebind(attention.to(memory.dtype) @ memory),
        )


class BoxFalloff(nn.Module):
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
