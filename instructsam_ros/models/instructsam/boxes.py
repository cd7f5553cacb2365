"""Box arithmetic on cx cy w h in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor


def corners(boxes: Tensor) -> Tensor:
    """[..., 4] cx cy w h -> x0 y0 x1 y1."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], -1)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of intersection and union of broadcastable [..., 4] boxes."""
    p, q = corners(a), corners(b)
    common = (torch.min(p[..., 2:], q[..., 2:]) - torch.max(p[..., :2], q[..., :2])).clamp(min=0).prod(-1)
    return common, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of broadcastable [..., 4] boxes, 0..1."""
    common, union = overlap(a, b)
    return common / (union + 1e-6)
