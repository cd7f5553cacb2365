"""Box arithmetic on cx cy w h in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

from instructsam_ros.models.common.boxes import corners, overlap


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
