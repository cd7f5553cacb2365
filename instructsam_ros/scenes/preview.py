"""A contact sheet of views with one instruction each, its targets outlined."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import Instruction, instructions

_COLORS = ((255, 64, 64), (64, 200, 64), (80, 120, 255), (255, 200, 0), (220, 80, 220), (0, 220, 220))
_CAPTION = 44  # pixels below a view
_COLUMNS = 4
_WIDTH = 384  # pixels a view is shown at


def contact_sheet(views: Iterable[View], seed: int = 0) -> NDArray[np.uint8]:
    """Draw a uint8 RGB sheet; every tile shows a view, an instruction and its target objects."""
    rng = np.random.default_rng(seed)
    tiles = []
    for view in views:
        said = instructions(view.meta, rng, 1, split="heldout")
        tiles.append(_tile(view, said[0] if said else None))
    if not tiles:
        raise InvalidInputError("a contact sheet needs at least one view")
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack(rows)


def write_contact_sheet(views: Iterable[View], path: Path, seed: int = 0) -> None:
    """Write ``contact_sheet`` to an image file."""
    kind = path.suffix.lower()
    if kind not in (".png", ".jpg", ".jpeg"):
        raise InvalidInputError(f"cannot write {path}; use a name that ends in .png or .jpg")
    sheet = contact_sheet(views, seed)
    encoded, image = cv2.imencode(kind, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise InvalidInputError(f"cannot write {path}; {sheet.shape[0]} rows are too many for a {kind}")
    write_atomic(path, image.tobytes())


def outline(view: View, targets: Iterable[int]) -> NDArray[np.uint8]:
    """Tint and outline the given objects in the image."""
    image = view.rgb.copy()
    for number, target in enumerate(targets):
        mask = view.ids == target
        color = np.array(_COLORS[number % len(_COLORS)])
        image[mask] = (0.6 * image[mask] + 0.4 * color).astype(np.uint8)
        edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, edges, -1, color.tolist(), 2)
    return image


def _tile(view: View, instruction: Instruction | None) -> NDArray[np.uint8]:
    image = outline(view, instruction.targets if instruction else ())
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    image = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    tile = np.vstack([image, np.full((_CAPTION, _WIDTH, 3), 24, np.uint8)])
    if instruction is None:
        text = "(nothing exact to say)"
    else:
        text = instruction.text + ("" if instruction.targets else "  [no target]")
    for line, words in enumerate(textwrap.wrap(text, 58)[:3]):
        origin = (4, height + 12 + 14 * line)
        cv2.putText(tile, words, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (235, 235, 235), 1, cv2.LINE_AA)
    return tile.astype(np.uint8)
