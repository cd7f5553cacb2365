"""Scores of masks as in DAVIS (Perazzi et al., 2016): region similarity J and boundary accuracy F."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.types import mask_iou

TOLERANCE = 0.008
"""Of the image's diagonal, within which boundaries meet."""


def region_similarity(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Compute J, the intersection over union of two masks [H, W], 0..1; 1 for two empty ones."""
    return mask_iou(mask, truth, empty=1.0)


def boundary_accuracy(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance: float = TOLERANCE
) -> float:
    """Compute F of two masks [H, W], 0..1: the harmonic mean of the shares of either boundary near the other.

    tolerance: of the diagonal. 1 for two masks without boundary, 0 where only one of them has none.
    """
    first, second = boundary(mask), boundary(truth)
    if not first.any() or not second.any():
        return float(first.any() == second.any())
    radius = math.ceil(tolerance * math.hypot(*mask.shape))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    precision = np.mean(cv2.dilate(second.astype(np.uint8), disc)[first])
    recall = np.mean(cv2.dilate(first.astype(np.uint8), disc)[second])
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask [H, W] or beside it whose neighbour right, below or both is other."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = padded[:-1, :-1]
    return np.asarray((here != padded[:-1, 1:]) | (here != padded[1:, :-1]) | (here != padded[1:, 1:]))
