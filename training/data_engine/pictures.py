"""Pictures that show a language model which objects are meant."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.types import tight_box
from instructsam_ros.visualization import color

Image = NDArray[np.uint8]
TINT = 0.45
MARGIN = 0.6
"""Of a crop around a mask, in sizes of its box."""
LEAST_CROP = 64


def numbered_overlay(rgb: Image, masks: NDArray[np.bool_]) -> Image:
    """Copy an image uint8 [H, W, 3] with masks [n, H, W] tinted, outlined and numbered from 1."""
    picture = rgb.copy()
    unit = max(1, round(min(rgb.shape[:2]) / 480))
    for number, mask in enumerate(masks, 1):
        tint = np.array(color(number), np.float32)
        picture[mask] = ((1 - TINT) * picture[mask] + TINT * tint).astype(np.uint8)
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, color(number), 2 * unit, cv2.LINE_AA)
    if len(masks) > 1:
        for number, mask in enumerate(masks, 1):
            x0, y0, *_ = tight_box(mask).astype(int).tolist()
            place = (x0, max(12 * unit, y0))
            for ink, width in (((0, 0, 0), 3 * unit), ((255, 255, 255), unit)):
                font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5 * unit
                cv2.putText(picture, str(number), place, font, scale, ink, width, cv2.LINE_AA)
    return picture


def crop_around(rgb: Image, mask: NDArray[np.bool_]) -> Image:
    """Cut an image uint8 [H, W, 3] around a mask [H, W] that is not empty, with some of what is near it."""
    height, width = mask.shape
    x0, y0, x1, y1 = tight_box(mask).tolist()
    margin_x = max((x1 - x0) * MARGIN, (LEAST_CROP - (x1 - x0)) / 2)
    margin_y = max((y1 - y0) * MARGIN, (LEAST_CROP - (y1 - y0)) / 2)
    left, right = max(0, int(x0 - margin_x)), min(width, int(x1 + margin_x))
    top, bottom = max(0, int(y0 - margin_y)), min(height, int(y1 + margin_y))
    return np.ascontiguousarray(rgb[top:bottom, left:right])
