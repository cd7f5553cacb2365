"""Contact sheet of views, each with one instruction and its targets outlined."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.visualization import check_image_path, contact_sheet, write_image

_COLORS = ((255, 64, 64), (64, 200, 64), (80, 120, 255), (255, 200, 0), (220, 80, 220), (0, 220, 220))
_CAPTION = 44  # pixels below a view
_WIDTH = 384  # pixels a view is shown at


def write_contact_sheet(views: Iterable[View], path: Path, seed: int = 0) -> None:
    """Write an image file, PNG or JPEG, that shows every view with one instruction and its targets.

    Views must have one aspect ratio. Raises InvalidInputError for another file type, for no views, and for
    more views than the format has room for.
    """
    check_image_path(path)
    rng = np.random.default_rng(seed)
    write_image(path, contact_sheet([_tile(view, rng) for view in views]))


def outline(view: View, targets: Iterable[int]) -> NDArray[np.uint8]:
    """Return a copy of the view's image, uint8 RGB [H, W, 3], with the given objects tinted and outlined."""
    image = view.rgb.copy()
    for number, target in enumerate(targets):
        mask = view.ids == target
        color = np.array(_COLORS[number % len(_COLORS)])
        image[mask] = (0.6 * image[mask] + 0.4 * color).astype(np.uint8)
        edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, edges, -1, color.tolist(), 2)
    return image


def _tile(view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    sampled = instructions(view.meta, rng, 1, split="heldout")
    image = outline(view, sampled[0].targets if sampled else ())
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    image = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    tile = np.vstack([image, np.full((_CAPTION, _WIDTH, 3), 24, np.uint8)])
    for line, words in enumerate(textwrap.wrap(_caption(sampled), 58)[:3]):
        origin = (4, height + 12 + 14 * line)
        cv2.putText(tile, words, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (235, 235, 235), 1, cv2.LINE_AA)
    return tile.astype(np.uint8)


def _caption(sampled: list[Instruction]) -> str:
    if not sampled:
        return "(no unambiguous instruction)"
    return sampled[0].text + ("" if sampled[0].targets else "  [no target]")
