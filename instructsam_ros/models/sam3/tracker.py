"""The click side of SAM 3: ``transformers.Sam3TrackerModel`` without its image tower.

That of the detector serves both; only the neck behind it is another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Sam3TrackerConfig, Sam3TrackerModel

LEVELS = 3
"""Of the neck that are read: 4, 8 and 16 times the patches of the tower side by side; the last is not."""


@dataclass(frozen=True)
class TrackerLevels:
    """Features of one image for any number of clicks: [1, C, h, w] from fine to coarse."""

    fine: tuple[Tensor, Tensor]
    coarse: Tensor


class Sam3Tracker(nn.Module):
    """Neck, prompt encoder and mask decoder.

    As in Meta's code, the embedding of "no memory" is added to the coarsest level that is read. The upstream
    class adds it to the last level of its neck, which it reads only where that has three levels.
    """

    def __init__(self, config: Sam3TrackerConfig) -> None:
        super().__init__()
        self.net = Sam3TrackerModel(config)
        del self.net.vision_encoder.backbone

    @property
    def side(self) -> int:
        """Side of the square input image in pixels."""
        return int(self.net.prompt_encoder.input_image_size)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, but for the positions, which are in float32."""
        weight: Tensor = self.net.no_memory_embedding
        return weight.dtype

    def embed(self, trunk: Tensor) -> TrackerLevels:
        """Compute the features of one image from the tower's output [1, C, h, w]."""
        decoder: Any = self.net.mask_decoder
        neck: Any = self.net.vision_encoder.neck
        finest, fine, coarse = (layer(trunk) for layer in neck.fpn_layers[:LEVELS])
        coarse = coarse + self.net.no_memory_embedding.view(1, -1, 1, 1)
        return TrackerLevels((decoder.conv_s0(finest), decoder.conv_s1(fine)), coarse)

    def masks(
        self,
        levels: TrackerLevels,
        points: Tensor | None,
        labels: Tensor | None,
        boxes: Tensor | None,
        *,
        several: bool,
    ) -> tuple[Tensor, Tensor]:
        """Predict mask logits [n, k, h, w] of n objects and the IoU that the model expects of each, [n, k].

        points: float32 [n, p, 2], x y in pixels of the square image, or None. labels: int64 [n, p], 1 on the
        object, 0 not on it. boxes: float32 [n, 4], x0 y0 x1 y1, or None. several: three masks of an object,
        for prompts with several meanings; else one, which is the best of the three where it is not stable.
        """
        net: Any = self.net
        sparse, dense = net.prompt_encoder(
            None if points is None else points[None],
            None if labels is None else labels[None],
            None if boxes is None else boxes[None],
            None,
        )
        masks, overlaps, _, _ = net.mask_decoder(
            image_embeddings=levels.coarse,
            image_positional_embeddings=net.get_image_wide_positional_embeddings().to(self.dtype),
            sparse_prompt_embeddings=sparse.to(self.dtype),
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=levels.fine,
        )
        return masks[0].float(), overlaps[0].float()
