"""Box arithmetic on cx cy w h in 0..1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

EPSILON = 1e-6
"""Added to areas, so that the IoU of empty boxes is defined."""


def corners(boxes: Tensor) -> Tensor:
    """Convert boxes [..., 4] from cx cy w h to x0 y0 x1 y1."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], -1)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Compute areas of intersection and union of broadcastable [..., 4] boxes."""
    p, q = corners(a), corners(b)
    common = (torch.min(p[..., 2:], q[..., 2:]) - torch.max(p[..., :2], q[..., :2])).clamp(min=0).prod(-1)
    return common, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common


def pairwise_iou(boxes: Tensor) -> Tensor:
    """Compute the IoU of every pair of boxes in a row: [n, K, 4] -> [n, K, K] in 0..1."""
    left, top, right, bottom = corners(boxes).unbind(-1)
    width = across(torch.minimum, right).sub_(across(torch.maximum, left)).clamp_(min=0)
    height = across(torch.minimum, bottom).sub_(across(torch.maximum, top)).clamp_(min=0)
    common = width.mul_(height)
    return common / across(torch.add, boxes[..., 2:].prod(-1)).sub_(common).add_(EPSILON)


def across(compute: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> Tensor:
    """Apply ``compute`` to every pair of values in a row: [n, K] -> [n, K, K]."""
    return compute(values[:, :, None], values[:, None])


def generalized_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of broadcastable [..., 4] boxes, -1..1."""
    common, union = overlap(a, b)
    p, q = corners(a), corners(b)
    hull = (torch.max(p[..., 2:], q[..., 2:]) - torch.min(p[..., :2], q[..., :2])).prod(-1)
    return common / (union + 1e-6) - (hull - union) / (hull + 1e-6)


def mask_boxes(masks: Tensor) -> Tensor:
    """Tight boxes of bool [n, h, w] masks that are not empty, float32 [n, 4]."""
    height, width = masks.shape[-2:]
    columns, rows = masks.any(1), masks.any(2)
    x, y = (torch.arange(n, device=masks.device) for n in (width, height))
    x0 = torch.where(columns, x, width).amin(1)
    x1 = torch.where(columns, x + 1, 0).amax(1)
    y0 = torch.where(rows, y, height).amin(1)
    y1 = torch.where(rows, y + 1, 0).amax(1)
    scale = torch.tensor([width, height, width, height], device=masks.device)
    return torch.stack([x0 + x1, y0 + y1, 2 * (x1 - x0), 2 * (y1 - y0)], -1) / (2 * scale)
