"""Other framings of a rendered view: closer up, or from further away."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.rendering.annotations import seen_part
from instructsam_ros.training.data.transforms import random_pattern

SCALES = (0.75, 1.8)
"""Smallest and largest magnification."""


def random_frame(view: View, rng: np.random.Generator) -> View:
    """The view at a random magnification and place; it keeps its size. See ``reframe``."""
    height, width = view.ids.shape
    scale = float(np.exp(rng.uniform(*np.log(SCALES))))
    # Closer up the frame lies within the picture, from further away the picture within the frame.
    slack = np.array([width, height]) * (1 - scale)
    return reframe(view, scale, rng.random(2) * slack, rng)


def reframe(view: View, scale: float, offset: NDArray[np.float64], rng: np.random.Generator) -> View:
    """Magnify a view by ``scale`` and move it by ``offset`` (x, y pixels), with annotations to match.

    Around the picture is a random pattern; the depth map is not kept.
    """
    height, width = view.ids.shape
    placed = np.array([[scale, 0, offset[0] + (scale - 1) / 2], [0, scale, offset[1] + (scale - 1) / 2]])
    rgb = cv2.warpAffine(view.rgb, placed, (width, height), flags=cv2.INTER_LINEAR)
    ids = cv2.warpAffine(view.ids, placed, (width, height), flags=cv2.INTER_NEAREST)
    inside = cv2.warpAffine(np.ones_like(view.ids), placed, (width, height), flags=cv2.INTER_NEAREST)
    rgb = np.where(inside[..., None] > 0, rgb, random_pattern(height, width, rng))
    meta = view.meta | {
        "K": _camera(view.meta["K"], scale, placed[:, 2]),
        "objects": [seen_entry(entry, ids, scale) for entry in view.meta["objects"]],
    }
    return dataclasses.replace(view, rgb=rgb, ids=ids, depth=np.zeros_like(view.depth), meta=meta)


def _camera(camera: dict[str, float], scale: float, shift: NDArray[np.float64]) -> dict[str, float]:
    return camera | {
        "fx": camera["fx"] * scale,
        "fy": camera["fy"] * scale,
        "cx": camera["cx"] * scale + float(shift[0]),
        "cy": camera["cy"] * scale + float(shift[1]),
    }


def seen_entry(entry: dict[str, Any], ids: NDArray[np.uint8], scale: float) -> dict[str, Any]:
    """Return an object's annotation in a changed view. ids: its new id map. scale: its magnification."""
    mask = ids == entry["id"]
    found = seen_part(mask)
    full = entry["pixels_full"] * scale**2
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return (
        entry
        | found
        | {
            "pixels_full": round(full),
            "visible": round(min(1.0, found["pixels"] / max(1.0, full)), 3),
            "truncated": entry["truncated"] or bool(edge.any()),
            "rgb_median": entry["rgb_median"] if found["pixels"] else None,
        }
    )
