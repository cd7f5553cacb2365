"""Box arithmetic on cx cy w h in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-6
"""Keeps the IoU of empty boxes defined."""


def corners(boxes: Tensor) -> Tensor:
    """[..., 4] cx cy w h -> x0 y0 x1 y1."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], -1)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of intersection and union of broadcastable [..., 4] boxes."""
    p, q = corners(a), corners(b)
    common = (torch.min(p[..., 2:], q[..., 2:]) - torch.max(p[..., :2], q[..., :2])).clamp(min=0).prod(-1)
    return common, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common


class BoxTable:
    """Boxes of n rows, laid out for comparing one after the other with all of them."""

    def __init__(self, boxes: Tensor) -> None:
        """boxes: [n, K, 4]."""
        areas = boxes[..., 2:].prod(-1, keepdim=True)
        self._sides = torch.cat([corners(boxes), areas], -1).movedim(-1, 0).contiguous()

    def iou(self, index: Tensor) -> Tensor:
        """IoU [n, K], 0..1, of every row's boxes with one of them, which ``index``, int64 [n, 1], names."""
        one = self._sides.gather(-1, index.expand(5, -1, -1))
        extent = torch.minimum(self._sides[2:4], one[2:4]) - torch.maximum(self._sides[:2], one[:2])
        common = extent.clamp_(min=0).prod(0)
        return common / (self._sides[4] + one[4] - common + EPSILON)
