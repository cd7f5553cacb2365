"""Pixels for the two towers of the 2B model, equal to the upstream image processors."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.types import check_rgb


def square_pixels(rgb: NDArray[np.uint8], size: int) -> Tensor:
    """SAM 3 input: uint8 [H, W, 3] stretched to float32 [1, 3, size, size] in -1..1."""
    check_rgb(rgb)
    return _normalise(_resize(rgb, size, size, "bilinear"))


def vision_patches(
    rgb: NDArray[np.uint8],
    patch: int,
    merge: int,
    temporal: int,
    min_pixels: int,
    max_pixels: int,
) -> tuple[Tensor, Tensor]:
    """Qwen3-VL input: patches float32 [rows*columns, 3*temporal*patch**2] and grid int64 [1, 3].

    The grid is (1, rows, columns) in patches. Patches that the tower merges into one token (``merge``
    x ``merge``) lie next to each other; a still image repeats along the temporal axis. min_pixels,
    max_pixels: limits of height * width after resizing.
    """
    check_rgb(rgb)
    height, width = smart_size(rgb.shape[0], rgb.shape[1], patch * merge, min_pixels, max_pixels)
    pixels = _normalise(_resize(rgb, height, width, "bicubic"))[0]
    rows, columns = height // patch, width // patch
    blocks = pixels.view(3, rows // merge, merge, patch, columns // merge, merge, patch)
    blocks = blocks.permute(1, 4, 2, 5, 0, 3, 6)  # block row, block column, row, column, rgb, y, x
    repeated = blocks.unsqueeze(5).expand(-1, -1, -1, -1, -1, temporal, -1, -1)
    return repeated.reshape(rows * columns, -1), torch.tensor([[1, rows, columns]])


def smart_size(height: int, width: int, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Nearest size that keeps the aspect, divides by ``factor`` and holds an allowed number of pixels."""
    rows, columns = round(height / factor) * factor, round(width / factor) * factor
    if rows * columns > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        rows = max(factor, math.floor(height / shrink / factor) * factor)
        columns = max(factor, math.floor(width / shrink / factor) * factor)
    elif rows * columns < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * grow / factor) * factor
        columns = math.ceil(width * grow / factor) * factor
    return rows, columns


def _resize(rgb: NDArray[np.uint8], height: int, width: int, mode: str) -> Tensor:
    image = torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None]
    # On uint8, as upstream: rounding happens before the scaling below.
    return F.interpolate(image, size=(height, width), mode=mode, antialias=True, align_corners=False)


def _normalise(image: Tensor) -> Tensor:
    return (image.float() / 255 - 0.5) / 0.5
