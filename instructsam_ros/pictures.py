"""Pictures from a user's files: upright, whole, in 8 bit RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.git_lfs import explained
from instructsam_ros.transparency import has_alpha, without_alpha


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels, RGB uint8 [H, W, 3], turned as the EXIF orientation says, what is transparent white.

    Raises what PIL raises for damaged data: another kind for each format.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bit grey, which PIL would cut off at 255
        grey = (np.asarray(upright).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, -1)
    if has_alpha(upright):
        return without_alpha(np.array(upright.convert("RGBA")))
    return np.array(upright.convert("RGB"))


def read_picture(path: Path) -> NDArray[np.uint8] | None:
    """Read a picture as ``upright_rgb`` does; None for a file that is none, or that moves (GIF).

    Raises InvalidInputError for a missing file and a damaged picture, such as one that was cut off.
    """
    try:
        with Image.open(path) as image:
            if image.format == "GIF" and getattr(image, "is_animated", False):
                return None
            return upright_rgb(image)
    except UnidentifiedImageError:
        return None
    except Exception as error:  # PIL raises another kind for each format
        raise InvalidInputError(
            f"the picture {path} cannot be read, is it damaged? {explained(path, error)}"
        ) from None
