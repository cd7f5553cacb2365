"""Image encoder of the compact model: one small CNN feeds both the language model and the detector.

Where the 2B model runs two towers (Qwen3-VL vision and the SAM3 ViT), the compact one shares a
pretrained CNN and a light feature pyramid: the stride-16 level is the detector's memory and, folded
2x2, the image tokens of the language model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from instructsam_ros.models.common.pyramid_config import Backbone, PyramidConfig
from instructsam_ros.models.instructsam.compact.efficientnet_lite import EfficientNetLite0
from instructsam_ros.models.instructsam.compact.nano_det import NanoDet
from instructsam_ros.models.instructsam.compact.resampling import resize_like
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.features import ImageEncoder, ImageFeatures, ImageInputs
from instructsam_ros.types import check_rgb
from instructsam_ros.yaml_config import build

BACKBONES: dict[Backbone, type[EfficientNetLite0] | type[NanoDet]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "nanodet": NanoDet,
}
FINE_CHANNELS = 32
MEMORY_STRIDE = 16


@dataclass(frozen=True)
class PyramidInputs(ImageInputs):
    """pixels: float [B, 3, H, W] in -1..1 at the encoder's fixed size."""

    pixels: Tensor


class Pyramid(nn.Module):
    """Levels of an image at strides 2, 4, 8 and 16.

    The finest level has only FINE_CHANNELS: it serves the edges of masks, where detail counts and
    meaning does not.
    """

    position: Tensor

    def __init__(self, size: PyramidConfig, c: int) -> None:
        """c: channels of the other levels, a multiple of 8."""
        super().__init__()
        self.size = size
        self.backbone = BACKBONES[self.size.backbone]().requires_grad_(False)
        channels = self.backbone.channels
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, c, 1), nn.GroupNorm(8, c)) for inputs in channels[1:]
        )
        self.lateral2 = conv_norm(channels[0], FINE_CHANNELS)
        self.fuse16 = conv_norm(c, c)
        self.refine8 = nn.Sequential(conv_norm(c, c, groups=c), conv_norm(c, c, kernel=1))
        self.down8 = conv_norm(c, c, stride=2, groups=8)
        self.merge16 = conv_norm(c, c)
        self.context = nn.TransformerEncoderLayer(c, 4, 3 * c, 0.0, "gelu", batch_first=True, norm_first=True)
        rows, columns = self.size.height // MEMORY_STRIDE, self.size.width // MEMORY_STRIDE
        self.register_buffer("position", sine_position(rows, columns, c)[None], persistent=False)

    def levels(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Compute the levels of pixels [B, 3, H, W] in -1..1, [B, C, h, w] from fine to coarse, and positions
        [1, C, h, w] of the coarsest.
        """
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        finest, *levels = self.backbone(pixels)
        p4, p8, p16, p32 = (project(x) for project, x in zip(self.lateral, levels, strict=True))
        top = self.fuse16(p16 + resize_like(p32, p16))
        p8 = self.refine8(p8 + resize_like(top, p8))
        memory = self.merge16(top + self.down8(p8))
        _, channels, rows, columns = memory.shape
        position = self.position.to(memory.dtype)
        if position.shape[-2:] != (rows, columns):  # training takes turns with other sizes
            position = sine_position(rows, columns, channels).to(memory)[None]
        # Contiguous for torch.compile, which errs about the strides of a fused encoder layer else.
        flat = (memory + position).flatten(2).transpose(1, 2).contiguous()
        # Permuted, not transposed and unflattened: the strides then say channels_last for one image, too.
        memory = self.context(flat).unflatten(1, (rows, columns)).permute(0, 3, 1, 2)
        return (self.lateral2(finest), p4, p8, memory), position


class PyramidEncoder(Pyramid, ImageEncoder):
    """RGB at a fixed size -> pyramid levels and image tokens at stride 32."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__(build(PyramidConfig, config.vision, "vision"), config.out_dim)
        self.to_tokens = nn.Linear(4 * config.out_dim, config.hidden_size)

    def preprocess(self, rgb: NDArray[np.uint8]) -> PyramidInputs:
        """Resize and scale uint8 [H, W, 3], a batch of one; see ``pyramid_pixels``."""
        return PyramidInputs(pyramid_pixels(rgb, self.size.height, self.size.width))

    def forward(self, inputs: ImageInputs) -> ImageFeatures:
        if not isinstance(inputs, PyramidInputs):
            raise TypeError(f"expected PyramidInputs, got {type(inputs).__name__}")
        levels, position = self.levels(inputs.pixels)
        memory = levels[-1]
        folded = fold2x2(memory + position)
        return ImageFeatures(
            tokens=self.to_tokens(folded.flatten(2).transpose(1, 2)),
            grid=(folded.shape[2], folded.shape[3]),
            deepstack=(),
            fpn=levels,
            fpn_position=position.expand(len(memory), -1, -1, -1),
        )


def pyramid_pixels(rgb: NDArray[np.uint8], height: int, width: int) -> Tensor:
    """Resize uint8 [H, W, 3] (aspect not kept) and scale it to float32 [1, 3, height, width] in -1..1."""
    check_rgb(rgb)
    image = torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None]
    return normalize(resize(image, height, width))


def conv_norm(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, group norm, GELU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(8, outputs), nn.GELU())


def fold2x2(x: Tensor) -> Tensor:
    """[B, C, h, w] -> [B, 4C, ceil(h/2), ceil(w/2)], zero-padded to even sizes."""
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
    return F.pixel_unshuffle(x, 2)


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """uint8 [B, 3, H, W] -> uint8 [B, 3, height, width], bilinear with antialiasing."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, size=(height, width), mode="bilinear", antialias=True, align_corners=False)


def normalize(image: Tensor) -> Tensor:
    """uint8 0..255 -> float32 -1..1, as the pretrained weights expect."""
    return (image.float() - 127.0) / 128.0


def sine_position(rows: int, columns: int, channels: int) -> Tensor:
    """Sine and cosine of normalised pixel-centre coordinates, [channels, rows, columns]."""
    y, x = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    steps = channels // 4
    frequency = math.pi * 2 ** (torch.arange(steps) / steps * 5)
    waves = [
        wave(axis[None] * frequency[:, None, None]) for axis in (x, y) for wave in (torch.sin, torch.cos)
    ]
    return torch.cat(waves)
