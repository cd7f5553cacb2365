"""Pixels that lie about the object's border: flying pixels of the sensor, and the mask's own rim."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_OPPOSITE_PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1))


def flying_pixels(depth: NDArray[np.float32], relative_jump: float) -> NDArray[np.bool_]:
    """Pixels, bool [H, W], whose depth no surface explains: mixtures of foreground and background.

    depth: metres, NaN where invalid. A step is a difference of more than ``relative_jump`` times
    the pixel's depth. A pixel flies when it lies strictly between two opposite neighbours with a
    step to each (the ramp that time-of-flight and stereo sensors draw over a contour), or when
    none of its eight neighbours is within a step. A line one pixel wide passes both rules, and so
    does a surface seen at a grazing angle of up to about 85 degrees.
    """
    height, width = depth.shape
    padded = np.full((height + 2, width + 2), np.nan, np.float32)
    padded[1:-1, 1:-1] = depth
    step = depth * np.float32(relative_jump)
    between = np.zeros(depth.shape, bool)
    alone = np.isfinite(depth)
    for dy, dx in _OPPOSITE_PAIRS:
        ahead = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] - depth
        behind = padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width] - depth
        alone &= ~(np.abs(ahead) <= step) & ~(np.abs(behind) <= step)
        between |= ((ahead > step) & (behind < -step)) | ((ahead < -step) & (behind > step))
    return between | alone


def trim_rim(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Take ``pixels`` off the rim of a bool [H, W] mask where it is thick enough to afford it.

    Where the mask is thinner (the tines of a fork) its middle line stays, so a mask that is not
    empty never becomes empty. The border of the array is no rim: pad by one where it should be.
    """
    if pixels <= 0 or not mask.any():
        return mask.copy()
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_C, 3)
    thickest = cv2.dilate(distance, np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8))
    middle_line = (thickest <= pixels) & (distance >= thickest)
    return np.asarray(mask & ((distance > pixels) | middle_line))
