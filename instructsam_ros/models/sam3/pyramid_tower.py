"""The image side of the compact model in the place of SAM 3's image tower and neck."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.models.instructsam.compact.image_encoder import Pyramid, pyramid_pixels, sine_position

LEVELS = 3
"""Of the pyramid that SAM 3 reads, at strides 4, 8 and 16; the finest one has fewer channels."""


class PyramidTower(Pyramid):
    """Pixels [B, 3, H, W] to three levels [B, C, h, w] from fine to coarse."""

    @property
    def prepare(self) -> Callable[[NDArray[np.uint8]], Tensor]:
        """See ``Sam3.prepare``."""
        return partial(pyramid_pixels, height=self.size.height, width=self.size.width)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        levels, _ = self.levels(pixels)
        return levels[-LEVELS:]

    def encode_position(self, coarse: Tensor) -> Tensor:
        """Return the positions [B, C, h, w] of a coarsest level."""
        batch, channels, rows, columns = coarse.shape
        return sine_position(rows, columns, channels).to(coarse).expand(batch, -1, -1, -1)
