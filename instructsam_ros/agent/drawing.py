"""Pictures for the chat model: numbered masks, one mask alone, and one mask zoomed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.types import tight_box

PALETTE = np.array(
    [
        (255, 60, 60), (60, 220, 60), (70, 120, 255), (255, 220, 0), (255, 0, 255), (0, 230, 230),
        (255, 140, 0), (160, 70, 255), (150, 255, 130), (255, 150, 200), (0, 140, 110), (150, 90, 40),
    ]
)  # fmt: skip
TINT = 0.15
SIDE = 640
"""Least length in pixels of the longer side of a picture, so that numbers can be read."""
MARGIN_PIXELS, MARGIN_RATIO = 16, 0.2
CONTEXT_FILL, CLOSE_FILL = 0.05, 0.25
"""Largest part of the area of a panel that the mask fills, if the picture is large enough."""


def numbered(rgb: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.uint8]:
    """Draw masks bool [H, W] with outlines and their numbers, from 1, on rgb uint8 [H, W, 3].

    Returns RGB of the same aspect; small pictures are enlarged.
    """
    picture = _enlarged(rgb, SIDE)
    unit = max(1, round(max(picture.shape[:2]) / SIDE))
    shapes = [_resized(mask, picture.shape[:2]) for mask in masks]
    for number, mask in enumerate(shapes):
        _paint(picture, mask, PALETTE[number % len(PALETTE)], unit)
    for number, mask in enumerate(shapes, 1):
        # The innermost pixel; a border of zeros, so that the edge of the picture counts as one of the mask.
        depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        _write_number(picture, str(number), (int(x), int(y)), unit)
    return picture


def outlined(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw one mask bool [H, W] on rgb uint8 [H, W, 3], in the colour that differs most from both."""
    picture = _enlarged(rgb, SIDE)
    unit = max(1, round(max(picture.shape[:2]) / SIDE))
    _paint(picture, _resized(mask, picture.shape[:2]), _contrast(rgb, mask), unit)
    return picture


def zoomed(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return two panels: the surroundings of a mask without it, and the mask from near.

    rgb: uint8 [H, W, 3]. mask: bool [H, W] with a true pixel. Returns uint8 [h, w, 3].
    """
    around, near = _window(mask, CONTEXT_FILL), _window(mask, CLOSE_FILL)
    panels = [_enlarged(rgb[around], SIDE), outlined(rgb[near], mask[near])]
    height = max(panel.shape[0] for panel in panels)
    filled = [np.pad(p, ((0, height - p.shape[0]), (0, SIDE // 40), (0, 0))) for p in panels]
    return np.concatenate(filled, 1)


def _window(mask: NDArray[np.bool_], fill: float) -> tuple[slice, slice]:
    """Window around a mask with a margin, in which it fills at most ``fill`` where the image allows it."""
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(mask))
    width, height = (side + 2 * max(MARGIN_PIXELS, MARGIN_RATIO * side) for side in (x1 - x0, y1 - y0))
    scale = max(1.0, (np.count_nonzero(mask) / fill / (width * height)) ** 0.5)
    window = []
    for start, end, size, limit in ((y0, y1, height, mask.shape[0]), (x0, x1, width, mask.shape[1])):
        centre, half = (start + end) / 2, size * scale / 2
        window.append(slice(max(0, int(centre - half)), min(limit, int(np.ceil(centre + half)))))
    return window[0], window[1]


def _contrast(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the colour of the palette that is farthest from the mean colours in and outside of a mask."""
    means = [rgb[part].mean(0) if part.any() else np.zeros(3) for part in (mask, ~mask)]
    distances = np.min([np.linalg.norm(PALETTE - mean, axis=1) for mean in means], 0)
    farthest: NDArray[np.int64] = PALETTE[int(distances.argmax())]
    return farthest


def _paint(picture: NDArray[np.uint8], mask: NDArray[np.bool_], colour: NDArray[np.int64], unit: int) -> None:
    picture[mask] = ((1 - TINT) * picture[mask] + TINT * colour).astype(np.uint8)
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (0, 0, 0), 3 * unit, cv2.LINE_AA)
    cv2.drawContours(picture, outlines, -1, colour.tolist(), unit, cv2.LINE_AA)


def _write_number(picture: NDArray[np.uint8], text: str, centre: tuple[int, int], unit: int) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.6 * unit
    (width, height), _ = cv2.getTextSize(text, font, scale, unit)
    x = int(np.clip(centre[0] - width // 2, 0, max(0, picture.shape[1] - width)))
    y = int(np.clip(centre[1] + height // 2, height, max(height, picture.shape[0])))
    cv2.rectangle(picture, (x - 2, y - height - 2), (x + width + 2, y + 2), (0, 0, 0), cv2.FILLED)
    cv2.putText(picture, text, (x, y), font, scale, (255, 255, 255), unit, cv2.LINE_AA)


def _enlarged(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Copy a picture, with its longer side at least ``side`` pixels."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale <= 1:
        return rgb.copy()
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    enlarged: NDArray[np.uint8] = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
    return enlarged


def _resized(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    resized = cv2.resize(mask.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    enlarged: NDArray[np.bool_] = resized.astype(bool)
    return enlarged
