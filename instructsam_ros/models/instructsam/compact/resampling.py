"""Resizing of feature maps."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resize_like(x: Tensor, like: Tensor) -> Tensor:
    """Resize [B, C, h, w] to the height and width of ``like``, bilinearly."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
