"""Sharper masks for the compact model: a narrow pixel embedding at stride 2 corrects the logits at stride 4.

A fork's tine is one or two pixels wide at stride 4; SAM 3 answers with a larger input, which a CPU
cannot afford. Few channels suffice here, because what the object is has been decided before.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.instructsam.compact.image_encoder import FINE_CHANNELS, conv_norm, upsample


class MaskRefiner(nn.Module):
    """Starts as plain bilinear upsampling; learns what to add."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, FINE_CHANNELS, 1)
        self.mix = conv_norm(FINE_CHANNELS, FINE_CHANNELS, groups=FINE_CHANNELS)
        self.project = nn.Conv2d(FINE_CHANNELS, FINE_CHANNELS, 1)
        self.embed = nn.Linear(channels, FINE_CHANNELS)
        nn.init.zeros_(self.embed.weight)
        nn.init.zeros_(self.embed.bias)

    def pixels(self, coarse: Tensor, finest: Tensor) -> Tensor:
        """Embeddings [B, F, 2h, 2w] from those at stride 4, [B, C, h, w], and the level at stride 2."""
        mixed: Tensor = self.project(self.mix(finest + upsample(self.reduce(coarse), finest)))
        return mixed

    def logits(self, coarse: Tensor, mask_embeds: Tensor, pixels: Tensor) -> Tensor:
        """coarse logits [..., h, w] of mask_embeds [..., C] -> [..., 2h, 2w], pixels [F, 2h, 2w]; float32."""
        flat = coarse.flatten(0, -3)[:, None]
        size = pixels.shape[-2:]
        smooth = F.interpolate(flat, size=size, mode="bilinear", align_corners=False)
        correction = (self.embed(mask_embeds) @ pixels.flatten(1)).float()
        fine: Tensor = smooth.view(*coarse.shape[:-2], *size) + correction.view(*coarse.shape[:-2], *size)
        return fine
