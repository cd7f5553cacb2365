"""Unreliable pixels at object borders: flying pixels of the sensor, and the rim of the mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_OPPOSITE_PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1))


def flying_pixels(depth: NDArray[np.float32], relative_jump: float) -> NDArray[np.bool_]:
    """Detect flying pixels, bool [H, W]: depths that mix foreground and background.

    depth: metres, NaN where invalid. A step is a difference of more than ``relative_jump`` times
    the pixel's depth. A pixel is flying when its depth lies strictly between those of two opposite
    neighbours with a step to each (the ramp that time-of-flight and stereo sensors measure across a
    contour), or when none of its eight neighbours is within a step. Lines of one pixel's width and surfaces
    at grazing angles of up to about 85 degrees are not detected.
    """
    height, width = depth.shape
    padded = np.full((height + 2, width + 2), np.nan, np.float32)
    padded[1:-1, 1:-1] = depth
    step = depth * np.float32(relative_jump)
    between = np.zeros(depth.shape, bool)
    isolated = np.isfinite(depth)
    for dy, dx in _OPPOSITE_PAIRS:
        ahead = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] - depth
        behind = padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width] - depth
        isolated &= ~(np.abs(ahead) <= step) & ~(np.abs(behind) <= step)
        between |= ((ahead > step) & (behind < -step)) | ((ahead < -step) & (behind > step))
    return between | isolated


def trim_rim(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Erode a bool [H, W] mask by ``pixels`` where it is thick enough.

    Where the mask is thinner (the tines of a fork) its medial axis is kept, so a mask that is not
    empty never becomes empty. The border of the array does not count as rim; pad by one where it should.
    """
    if pixels <= 0 or not mask.any():
        return mask.copy()
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_C, 3)
    thickest = cv2.dilate(distance, np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8))
    medial_axis = (thickest <= pixels) & (distance >= thickest)
    return np.asarray(mask & ((distance > pixels) | medial_axis))
