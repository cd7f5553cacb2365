"""Pictures with an alpha channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WHITE = 255


def without_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours uint8 [H, W, 3] of pixels [H, W, 4] as a viewer shows them, on white.

    What is transparent has colours, too, which nobody sees. An alpha that is 0 everywhere is padding.
    """
    colors, alpha = pixels[..., :3], pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255 or not alpha.any():
        return np.ascontiguousarray(colors)
    return ((colors * alpha + WHITE * (255 - alpha) + 127) // 255).astype(np.uint8)


def has_alpha(picture: Image.Image) -> bool:
    """Return whether a picture may have transparent pixels, in a channel or as a colour of its palette."""
    return "A" in picture.getbands() or "transparency" in picture.info
