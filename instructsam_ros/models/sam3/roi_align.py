"""ROI align (arXiv 1703.06870) as torchvision computes it by default, without torchvision."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def roi_align(features: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Pool boxes [n, 4] (x0 y0 x1 y1 in cells) of one feature map [C, H, W]: [n, C, size, size].

    Every bin is the mean of a grid of bilinear samples, one per cell and axis. Corners of cells, not their
    centres, have whole coordinates (``aligned=False``). Computed in float32, returned in the type of
    ``features``.
    """
    pooled = [_pool(features.float(), box, size) for box in boxes.float()]
    if not pooled:
        return features.new_zeros(0, features.shape[0], size, size)
    return torch.stack(pooled).to(features.dtype)


def _pool(features: Tensor, box: Tensor, size: int) -> Tensor:
    rows, row_weights = _axis(box[1], box[3], size, features.shape[1])
    columns, column_weights = _axis(box[0], box[2], size, features.shape[2])
    corners = features[:, rows][:, :, :, :, columns]  # C, bins, samples, 2, bins, samples, 2
    sampled = torch.einsum("cistjud,ist,jud->cisju", corners, row_weights, column_weights)
    return sampled.mean((2, 4))


def _axis(start: Tensor, end: Tensor, size: int, cells: int) -> tuple[Tensor, Tensor]:
    """Return the two neighbours of every sample on an axis, int64 [size, samples, 2], and their weights."""
    length = (end - start).clamp(min=1.0)
    count = max(1, math.ceil(float(length) / size))
    bins, steps = (torch.arange(n, device=start.device, dtype=start.dtype) for n in (size, count))
    place = start + (bins[:, None] + (steps[None] + 0.5) / count) * length / size
    inside = (place >= -1) & (place <= cells)
    place = place.clamp(0, cells - 1)
    low = place.floor()
    share = place - low
    neighbours = torch.stack([low, (low + 1).clamp(max=cells - 1)], -1).long()
    return neighbours, torch.stack([1 - share, share], -1) * inside[..., None]
