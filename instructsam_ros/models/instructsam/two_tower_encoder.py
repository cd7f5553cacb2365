"""Image encoder of the 2B model: the Qwen3-VL vision tower and the SAM 3 ViT, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import Qwen3VLVisionConfig, Qwen3VLVisionModel, Sam3VisionModel

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import fpn_levels, sam3_config
from instructsam_ros.models.instructsam.features import ImageEncoder, ImageFeatures, ImageInputs
from instructsam_ros.types import check_rgb


@dataclass(frozen=True)
class TwoTowerInputs(ImageInputs):
    """patches [P, 3*t*p*p] of all images, patch_grid int64 [B, 3], pixels [B, 3, S, S]."""

    patches: Tensor
    patch_grid: Tensor
    pixels: Tensor


class TwoTowerEncoder(ImageEncoder):
    """``vision_tower`` makes the tokens of the language model, ``pixel_tower`` the detector's pyramid."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__()
        vision = Qwen3VLVisionConfig(**config.vision)
        vision._attn_implementation = "sdpa"
        self.pixel_limits = config.min_pixels, config.max_pixels
        self.vision_tower = Qwen3VLVisionModel(vision)
        sam = sam3_config(config)
        self.pixel_tower = Sam3VisionModel(sam.vision_config)
        self.pixel_tower.neck.fpn_layers = self.pixel_tower.neck.fpn_layers[: fpn_levels(sam)]

    def preprocess(self, rgb: NDArray[np.uint8]) -> TwoTowerInputs:
        """uint8 [H, W, 3] -> both towers' inputs, a batch of one."""
        vision = self.vision_tower.config
        sizes = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
        patches, grid = vision_patches(rgb, *sizes, *self.pixel_limits)
        size = self.pixel_tower.config.backbone_config.image_size
        return TwoTowerInputs(patches, grid, square_pixels(rgb, size))

    def forward(self, inputs: ImageInputs) -> ImageFeatures:
        """Features of images that share one patch grid; raises InvalidInputError if they do not."""
        if not isinstance(inputs, TwoTowerInputs):
            raise TypeError(f"expected TwoTowerInputs, got {type(inputs).__name__}")
        grid = inputs.patch_grid
        if not bool((grid == grid[0]).all()):
            raise InvalidInputError(f"images of one batch must share a patch grid, got {grid.tolist()}")
        fpn, position, ready = self._start_pyramid(inputs.pixels)
        tokens, cells, deepstack = self.language_features(inputs)
        return ImageFeatures(tokens, cells, deepstack, fpn, position, ready)

    def _start_pyramid(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], Tensor, torch.cuda.Event | None]:
        """``pyramid``; on a GPU, unless training, on a stream of its own and with what to wait for."""
        if not pixels.is_cuda or torch.is_grad_enabled():
            return *self.pyramid(pixels), None
        beside = _stream_beside(pixels.device)
        beside.wait_stream(torch.cuda.current_stream(pixels.device))
        with torch.cuda.stream(beside):
            fpn, position = self.pyramid(pixels)
        pixels.record_stream(beside)
        return fpn, position, beside.record_event()

    def language_features(self, inputs: TwoTowerInputs) -> tuple[Tensor, tuple[int, int], tuple[Tensor, ...]]:
        """``tokens``, ``grid`` and ``deepstack`` of ImageFeatures."""
        merge = self.vision_tower.config.spatial_merge_size
        rows, columns = (int(side) // merge for side in inputs.patch_grid[0, 1:])
        vision = self.vision_tower(inputs.patches, grid_thw=inputs.patch_grid)
        tokens = vision.pooler_output.view(len(inputs.patch_grid), rows * columns, -1)
        return tokens, (rows, columns), tuple(vision.deepstack_features)

    def pyramid(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Pyramid levels of pixels [B, 3, S, S] from fine to coarse, and positions of the coarsest."""
        # Not pixel_tower(pixels): that also encodes positions of the fine levels, which nothing
        # reads and which would cost more memory than the levels.
        tower = self.pixel_tower
        side = pixels.shape[-1] // tower.config.backbone_config.patch_size
        tokens = tower.backbone(pixels).last_hidden_state
        image = tokens.unflatten(1, (side, side)).permute(0, 3, 1, 2)
        fpn = tuple(level(image) for level in tower.neck.fpn_layers)
        coarse = fpn[-1]
        return fpn, tower.neck.position_encoding(coarse.shape, coarse.device, coarse.dtype)


@cache
def _stream_beside(device: torch.device) -> torch.cuda.Stream:
    """One for all frames: torch keeps the memory that a stream has used for that stream alone."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call, no-any-return]


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
