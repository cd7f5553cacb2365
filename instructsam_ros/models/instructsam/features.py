"""Features of images, the interface of image encoder, language model and detector."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Inputs = TypeVar("Inputs", bound="ImageInputs")
Prepared = TypeVar("Prepared", bound="ImageFeatures")


@dataclass(frozen=True)
class ImageInputs:
    """Preprocessed pixels; every encoder adds its own tensor fields."""

    def to(self: Inputs, device: torch.device | str, dtype: torch.dtype) -> Inputs:
        """Copy to ``device``; floating-point tensors become ``dtype``, integer ones keep theirs."""
        moved = {
            name: value.to(device, dtype if value.is_floating_point() else None)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return dataclasses.replace(self, **moved)


@dataclass(frozen=True)
class ImageFeatures:
    """Features of B images, independent of any instruction. N = grid rows * grid columns.

    tokens: [B, N, D] image embeddings that enter the language model.
    grid: rows and columns of the token grid.
    deepstack: per early language layer [B*N, D], added to the image positions; may be empty.
    fpn: pyramid levels from fine to coarse, each [B, C, h, w].
    fpn_position: [B, C, h, w] sine encoding of the coarsest level.
    pyramid_ready: recorded behind the pyramid while it is computed on another CUDA stream; ``joined``
    has to come before the pyramid is read.
    """

    tokens: Tensor
    grid: tuple[int, int]
    deepstack: tuple[Tensor, ...]
    fpn: tuple[Tensor, ...]
    fpn_position: Tensor
    pyramid_ready: torch.cuda.Event | None = None

    def joined(self) -> ImageFeatures:
        """Return the same features, whose pyramid the current CUDA stream may read."""
        if self.pyramid_ready is None:
            return self
        stream = torch.cuda.current_stream(self.fpn_position.device)
        stream.wait_event(self.pyramid_ready)
        for level in (*self.fpn, self.fpn_position):
            level.record_stream(stream)  # its memory belongs to the other stream
        return dataclasses.replace(self, pyramid_ready=None)

    def readable(self, dtype: torch.dtype) -> ImageFeatures:
        """Convert the inputs of the language model to ``dtype``; the pyramid keeps its type."""
        deepstack = tuple(level.to(dtype) for level in self.deepstack)
        return dataclasses.replace(self, tokens=self.tokens.to(dtype), deepstack=deepstack)

    def prepared(self, kind: type[Prepared], **computed: Any) -> Prepared:
        """Copy to ``kind``. computed: its further fields, computed by a detector."""
        # Spelled out, because torch.compile cannot follow dataclasses.fields or vars.
        return kind(
            tokens=self.tokens,
            grid=self.grid,
            deepstack=self.deepstack,
            fpn=self.fpn,
            fpn_position=self.fpn_position,
            pyramid_ready=self.pyramid_ready,
            **computed,
        )

    def rows(self, index: Tensor) -> ImageFeatures:
        """Select the features of images by int64 ``index`` [n], one row per entry, without fields that a
        detector has added.
        """
        images, count, _ = self.tokens.shape
        return ImageFeatures(
            tokens=self.tokens[index],
            grid=self.grid,
            deepstack=tuple(d.view(images, count, -1)[index].flatten(0, 1) for d in self.deepstack),
            fpn=tuple(level[index] for level in self.fpn),
            fpn_position=self.fpn_position[index] if len(self.fpn_position) == images else self.fpn_position,
        )


class ImageEncoder(nn.Module, ABC):
    """Network from pixels to ImageFeatures."""

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of ``forward`` and its inputs."""
        return next(self.parameters()).dtype

    @abstractmethod
    def preprocess(self, rgb: NDArray[np.uint8]) -> ImageInputs:
        """Prepare one uint8 [H, W, 3] RGB image, on the CPU in float32."""

    @abstractmethod
    def forward(self, inputs: ImageInputs) -> ImageFeatures:
        """Compute the features of every image in ``inputs``; the pyramid may still have to be ``joined``."""
