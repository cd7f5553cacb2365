"""The input size of the pyramid encoder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PyramidConfig:
    """The ``vision`` section of the configuration: input size, multiples of 32."""

    height: int = 288
    width: int = 384

    def __post_init__(self) -> None:
        if min(self.height, self.width) <= 0 or self.height % 32 or self.width % 32:
            raise ValueError(f"image size {self.width}x{self.height}: both must be multiples of 32")
