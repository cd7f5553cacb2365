"""Mask refinement of the compact model: a narrow pixel embedding at stride 2 corrects the logits at stride 4.

The tine of a fork is one or two pixels wide at stride 4. SAM 3 uses a larger input instead, which is too slow
on a CPU. Few channels suffice, because the object has been identified before.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.instructsam.compact.image_encoder import FINE_CHANNELS, conv_norm
from instructsam_ros.models.instructsam.compact.resampling import resize_like


class MaskRefiner(nn.Module):
    """Bilinear upsampling plus a learned correction, which is zero at the start of training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, FINE_CHANNELS, 1)
        self.mix = conv_norm(FINE_CHANNELS, FINE_CHANNELS, groups=FINE_CHANNELS)
        self.project = nn.Conv2d(FINE_CHANNELS, FINE_CHANNELS, 1)
        self.embed = nn.Linear(channels, FINE_CHANNELS)
        nn.init.zeros_(self.embed.weight)
        nn.init.zeros_(self.embed.bias)

    def pixels(self, coarse: Tensor, finest: Tensor) -> Tensor:
        """Compute embeddings [B, F, 2h, 2w] from those at stride 4, [B, C, h, w], and the stride-2 level."""
        mixed: Tensor = self.project(self.mix(finest + resize_like(self.reduce(coarse), finest)))
        return mixed

    def logits(self, coarse: Tensor, mask_embeds: Tensor, pixels: Tensor) -> Tensor:
        """Refine coarse logits [..., h, w] of mask_embeds [..., C] to float32 [..., 2h, 2w] on pixels
        [F, 2h, 2w].
        """
        flat = coarse.flatten(0, -3)[:, None]
        size = pixels.shape[-2:]
        smooth = F.interpolate(flat, size=size, mode="bilinear", align_corners=False)
        correction = (self.embed(mask_embeds) @ pixels.flatten(1)).float()
        fine: Tensor = smooth.view(*coarse.shape[:-2], *size) + correction.view(*coarse.shape[:-2], *size)
        return fine
