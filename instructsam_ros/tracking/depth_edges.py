"""Corrections of a mask's outline where depth shows that it is off."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_RADIUS_PX = 2  # of the band around the outline in which pixels are corrected
_WINDOW_PX = 4 * _RADIUS_PX + 3  # in which depths on both sides of the band are averaged
_LEAST_READINGS = 3
_LEAST_STEP = 0.02  # between both sides, relative to depth
_CLEAR = 0.25  # of the step between both sides: nearer to one of them, a pixel is no flying pixel
_GAIN = 0.3
"""Of a correction in one frame: edges of depth are noisier than flow but do not drift."""


def pull_to_depth_edges(values: NDArray[np.float32], depth: NDArray[np.float32]) -> None:
    """Move the values of a mask, float32 [h, w] in 0..1 with the outline at a half, in place.

    Along the outline a pixel whose depth is that of the mask's inside nearby moves towards 1, one whose depth
    is that of the outside towards 0, where the two differ. depth: metres [h, w], NaN where there is no
    reading.
    """
    mask = (values > 0.5).astype(np.uint8)
    kernel = np.ones((2 * _RADIUS_PX + 1, 2 * _RADIUS_PX + 1), np.uint8)
    core, near = cv2.erode(mask, kernel) > 0, cv2.dilate(mask, kernel) > 0
    inner, outer = _mean_nearby(depth, core), _mean_nearby(depth, ~near)
    to_inner, to_outer, step = np.abs(depth - inner), np.abs(depth - outer), np.abs(inner - outer)
    # Comparisons with NaN are false.
    clear = (step > _LEAST_STEP * depth) & (np.minimum(to_inner, to_outer) < _CLEAR * step)
    band = near & ~core & clear
    target = (to_inner < to_outer).astype(np.float32)
    values[band] += np.float32(_GAIN) * (target[band] - values[band])


def _mean_nearby(depth: NDArray[np.float32], selected: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Average the readings of selected pixels around every pixel, float32 [h, w], NaN where there are few."""
    read = (selected & np.isfinite(depth)).astype(np.float32)
    size = (_WINDOW_PX, _WINDOW_PX)
    count = cv2.boxFilter(read, -1, size, normalize=False)
    total = cv2.boxFilter(np.where(read > 0, depth, np.float32(0)), -1, size, normalize=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > _LEAST_READINGS - 0.5, total / count, np.float32(np.nan))
