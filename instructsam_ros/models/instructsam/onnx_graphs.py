"""The two graphs of an exported model, as functions of tensors.

The exporter and the ONNX backend share them, and with them the names and order of inputs and outputs.
Each graph computes on one image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.export import Dim
from transformers.vision_utils import (
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
)

from instructsam_ros.models.instructsam.compact.image_encoder import PyramidEncoder, PyramidInputs
from instructsam_ros.models.instructsam.detector import Detector
from instructsam_ros.models.instructsam.features import ImageFeatures, ImageInputs
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerEncoder, TwoTowerInputs

IMAGE_ENCODER, DETECTOR = "image_encoder", "detector"
DETECTOR_OUTPUTS = ("mask_logits", "score_logits", "boxes")

Tensors = dict[str, Tensor]
Shapes = dict[str, dict[int, Any]]
"""Tensor name -> axis -> dimension, for the axes that are not fixed."""


class Graph(Protocol):
    """A graph as the exporter sees it."""

    @property
    def module(self) -> nn.Module:
        """Module with the weights."""

    @property
    def dynamic(self) -> Shapes:
        """Axes of the inputs that vary from call to call."""

    def compute(self, *inputs: Tensor) -> Tensors:
        """Compute the named outputs with torch."""


class ImageGraph(Graph, Protocol):
    """An image encoder."""

    def tensors(self, inputs: ImageInputs) -> Tensors:
        """Return the graph's inputs for one preprocessed image."""

    def grid(self, inputs: ImageInputs) -> tuple[int, int]:
        """Return rows and columns of the token grid of that image."""


@dataclass(frozen=True)
class PyramidGraph:
    """The compact model's image encoder; its image size is fixed."""

    module: PyramidEncoder
    dynamic = Shapes()

    def tensors(self, inputs: ImageInputs) -> Tensors:
        """Return pixels, float32 [1, 3, H, W]."""
        return {"pixels": _checked(inputs, PyramidInputs).pixels}

    def grid(self, inputs: ImageInputs) -> tuple[int, int]:
        """Return the grid; tokens have stride 32."""
        height, width = _checked(inputs, PyramidInputs).pixels.shape[-2:]
        return height // 32, width // 32

    def compute(self, *inputs: Tensor) -> Tensors:
        """Compute the tensors of the features; see ``feature_tensors``."""
        return feature_tensors(self.module(PyramidInputs(*inputs)))


@dataclass(frozen=True)
class TwoTowerGraph:
    """Both towers of the 2B model; the number of patches varies with the image's aspect ratio.

    The positions of patches are computed in ``tensors``: loops over a patch grid cannot be traced.
    """

    module: TwoTowerEncoder

    @property
    def dynamic(self) -> Shapes:
        """P = merge * merge * tokens patches."""
        patches = self._merge**2 * Dim("tokens", min=1)
        names = ("patches", "position_cells", "position_weights", "patch_positions")
        return {name: {0: patches} for name in names}

    def tensors(self, inputs: ImageInputs) -> Tensors:
        """Return patches [P, 3*t*p*p]; cells int64 [P, 4] of the learned position grid, and their weights,
        to interpolate between; row and column int64 [P, 2] of each patch; pixels [1, 3, S, S].
        """
        checked, tower = _checked(inputs, TwoTowerInputs), self.module.vision_tower
        cells, weights = get_vision_interpolation_indices_and_weights(
            checked.patch_grid,
            tower.num_grid_per_side,
            tower.interpolation_mode,
            tower.interpolation_align_corners,
            self._merge,
        )
        return {
            "patches": checked.patches,
            "position_cells": cells,
            "position_weights": weights,
            "patch_positions": get_vision_position_ids(checked.patch_grid, self._merge),
            "pixels": checked.pixels,
        }

    def grid(self, inputs: ImageInputs) -> tuple[int, int]:
        """Return the grid of tokens, each of which merges neighbouring patches."""
        _, rows, columns = _checked(inputs, TwoTowerInputs).patch_grid[0].tolist()
        return rows // self._merge, columns // self._merge

    def compute(self, *inputs: Tensor) -> Tensors:
        """Compute the tensors of the features; see ``feature_tensors``."""
        patches, cells, weights, positions, pixels = inputs
        vision = self.module.vision_tower(
            patches,
            grid_thw=None,
            interp_indices=cells,
            interp_weights=weights,
            position_ids=positions,
            cu_seqlens=torch.tensor([0, 1], device=patches.device) * patches.shape[0],
        )
        fpn, position = self.module.pyramid(pixels)
        grid = (0, 0)  # not part of the graph
        tokens = vision.pooler_output[None]
        return feature_tensors(ImageFeatures(tokens, grid, tuple(vision.deepstack_features), fpn, position))

    @property
    def _merge(self) -> int:
        return int(self.module.vision_tower.config.spatial_merge_size)


@dataclass(frozen=True)
class DetectorGraph:
    """The detector for any number of phrases of any length. levels: of the pyramid."""

    module: Detector
    levels: int

    @property
    def dynamic(self) -> Shapes:
        """n phrases, T tokens."""
        phrases, length = Dim("phrases", min=1), Dim("length", min=1)
        return {
            "phrase_embeds": {0: phrases, 1: length},
            "phrase_mask": {0: phrases, 1: length},
            "queries": {0: phrases},
        }

    @staticmethod
    def tensors(features: ImageFeatures, embeds: Tensor, mask: Tensor, queries: Tensor) -> Tensors:
        """Return the arguments of Detector.forward by name."""
        return {
            **detector_features(features),
            "phrase_embeds": embeds,
            "phrase_mask": mask,
            "queries": queries,
        }

    def compute(self, *inputs: Tensor) -> Tensors:
        """Compute mask_logits, score_logits and boxes of DetectorOutput."""
        fpn, (position, embeds, mask, queries) = inputs[: self.levels], inputs[self.levels :]
        features = ImageFeatures(embeds[:0], (0, 0), (), fpn, position)  # tokens are not used
        output = self.module(features, embeds, mask, queries)
        return {name: getattr(output, name) for name in DETECTOR_OUTPUTS}


def image_graph(encoder: nn.Module) -> ImageGraph:
    """Return the graph of an image encoder, whose weights may be absent if it is not computed."""
    if isinstance(encoder, PyramidEncoder):
        return PyramidGraph(encoder)
    if isinstance(encoder, TwoTowerEncoder):
        return TwoTowerGraph(encoder)
    raise TypeError(f"no graph for image encoder {type(encoder).__name__}")


def feature_tensors(features: ImageFeatures) -> Tensors:
    """Name the tensors of features: tokens, deepstack_<i>, and those of ``detector_features``."""
    deepstack = {f"deepstack_{i}": level for i, level in enumerate(features.deepstack)}
    return {"tokens": features.tokens, **deepstack, **detector_features(features)}


def detector_features(features: ImageFeatures) -> Tensors:
    """Name the tensors that the detector reads: fpn_<i> from fine to coarse, and fpn_position."""
    levels = {f"fpn_{i}": level for i, level in enumerate(features.fpn)}
    return {**levels, "fpn_position": features.fpn_position}


def features_of(tensors: Tensors, grid: tuple[int, int]) -> ImageFeatures:
    """Build features from their named tensors; the inverse of ``feature_tensors``."""

    def numbered(prefix: str) -> tuple[Tensor, ...]:
        count = sum(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in tensors)
        return tuple(tensors[f"{prefix}{i}"] for i in range(count))

    return ImageFeatures(
        tensors["tokens"], grid, numbered("deepstack_"), numbered("fpn_"), tensors["fpn_position"]
    )


def _checked(inputs: ImageInputs, kind: type[Any]) -> Any:
    if not isinstance(inputs, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(inputs).__name__}")
    return inputs
