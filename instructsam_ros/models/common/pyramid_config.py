"""Configuration of the pyramid encoder, readable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Backbone = Literal["efficientnet_lite0", "nanodet"]


@dataclass(frozen=True)
class PyramidConfig:
    """The ``vision`` section of the configuration: input size, multiples of 32, and pretrained CNN."""

    height: int = 288
    width: int = 384
    backbone: Backbone = "efficientnet_lite0"

    def __post_init__(self) -> None:
        if min(self.height, self.width) <= 0 or self.height % 32 or self.width % 32:
            raise ValueError(f"image size {self.width}x{self.height}: both must be multiples of 32")
