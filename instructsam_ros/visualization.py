"""Images and text of results: overlay, label image, contact sheet and table."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import LiftedInstance
from instructsam_ros.pipeline import Result
from instructsam_ros.types import Instance, Status

_TINT = 0.35
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DARK = (20, 20, 24)


def color(number: int) -> tuple[int, int, int]:
    """RGB of an id: always the same one, bright, and far in hue from the ids next to it."""
    hue = 0.07 + number * 0.618034  # steps of the golden ratio spread any number of hues evenly
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, 0.75 if number % 2 else 0.6, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def overlay(
    rgb: NDArray[np.uint8], instances: Sequence[Instance], ids: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """A copy of ``rgb`` [H, W, 3] with tinted masks, contours and labels (id, phrase, score).

    ids: one per instance, counted from 1 when not given.
    """
    ids = range(1, len(instances) + 1) if ids is None else ids
    picture = rgb.copy()
    unit = max(1, round(min(rgb.shape[:2]) / 480))
    for instance, number in zip(instances, ids, strict=True):
        tint = np.array(color(number), np.float32)
        picture[instance.mask] = (1 - _TINT) * picture[instance.mask] + _TINT * tint
    for instance, number in zip(instances, ids, strict=True):
        outlines, _ = cv2.findContours(instance.mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        # A dark line under the bright one shows on any background.
        cv2.drawContours(picture, outlines, -1, _DARK, 3 * unit, cv2.LINE_AA)
        cv2.drawContours(picture, outlines, -1, color(number), unit, cv2.LINE_AA)
    taken = np.zeros(rgb.shape[:2], bool)
    for instance, number in zip(instances, ids, strict=True):
        _draw_label(picture, f"{number} {instance.phrase} {instance.score:.2f}", instance, number, taken)
    return picture


def label_image(
    instances: Sequence[Instance], ids: Sequence[int], size: tuple[int, int]
) -> NDArray[np.uint16]:
    """Ids per pixel, uint16 [H, W], 0 for none; ids beyond 65535 wrap around, skipping 0.

    size: height and width. Where masks overlap the instance with the higher score wins, the
    earlier one at equal scores.
    """
    labels = np.zeros(size, np.uint16)
    order = sorted(range(len(instances)), key=lambda i: -instances[i].score)
    for i in reversed(order):
        labels[instances[i].mask] = (ids[i] - 1) % 65535 + 1
    return labels


def contact_sheet(tiles: Sequence[NDArray[np.uint8]], columns: int = 4) -> NDArray[np.uint8]:
    """Arrange images, uint8 [H, W, 3] of one size, in rows of ``columns``; black where there is none.

    Raises InvalidInputError for no images and for images of different sizes.
    """
    if not tiles:
        raise InvalidInputError("a contact sheet needs at least one image")
    shapes = sorted({tile.shape for tile in tiles})
    if len(shapes) > 1:
        raise InvalidInputError(f"images of a contact sheet must have one size, got {shapes}")
    height, width, channels = shapes[0]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows, columns, height, width, channels), np.uint8)
    sheet.reshape(-1, height, width, channels)[: len(tiles)] = tiles
    return sheet.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def check_image_path(path: Path) -> None:
    """Raise InvalidInputError for a file name that is not one of PNG or JPEG."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InvalidInputError(f"cannot write {path}; use a name that ends in .png or .jpg")


def write_image(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write an RGB image, uint8 [H, W, 3], atomically as PNG or JPEG.

    Raises InvalidInputError for another file name, and for an image larger than the format allows.
    """
    check_image_path(path)
    kind = path.suffix.lower()
    encoded, image = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise InvalidInputError(f"cannot write {path}; {rgb.shape[0]} rows are too many for a {kind}")
    write_atomic(path, image.tobytes())


def table(result: Result) -> str:
    """The result as text: one line per instance, then the latency of every stage."""
    head = ("id", "phrase", "score", "pixels", "points", "centroid [m]", "box [m]", "depth", "flags")
    rows = [head, *(_table_row(instance) for instance in result.lifted.instances)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if not result.lifted.instances:
        lines = ["nothing in the image answers the instruction"]
    elif missing := result.segmentation.unanswered():
        lines.append(f"nothing in the image answers: {', '.join(missing)}")
    if result.segmentation.status is Status.MAX_INSTANCES:
        lines.append("there may be more instances: all query slots of a phrase used, or the answer cut off")
    total = sum(result.timings.values())
    stages = "  ".join(f"{stage} {seconds * 1000:.1f}" for stage, seconds in result.timings.items())
    lines.append(f"ms: {stages}  total {total * 1000:.1f}")
    return "\n".join([f'"{result.instruction}": {result.segmentation.answer}', *lines])


def _table_row(lifted: LiftedInstance) -> tuple[str, ...]:
    flags = ("truncated", "low_depth", "no_depth", "gravity_aligned")
    return (
        str(lifted.id),
        lifted.instance.phrase,
        f"{lifted.instance.score:.2f}",
        str(int(np.count_nonzero(lifted.instance.mask))),
        str(len(lifted.points)),
        " ".join(f"{v:.3f}" for v in lifted.centroid) if len(lifted.points) else "-",
        " x ".join(f"{v:.3f}" for v in lifted.box.size) if lifted.box else "-",
        f"{lifted.valid_depth_ratio:.0%}",
        " ".join(flag for flag in flags if getattr(lifted, flag)),
    )


def _draw_label(
    picture: NDArray[np.uint8], text: str, instance: Instance, number: int, taken: NDArray[np.bool_]
) -> None:
    """Write the label at the instance's box, at the first of some places that no label takes."""
    if not instance.mask.any():
        return
    height, width = picture.shape[:2]
    scale = 0.45 * max(1.0, min(height, width) / 480)
    # OpenCV's fonts have no letters beyond ASCII.
    text = text.encode("ascii", "replace").decode()
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, 1)
    box_width, box_height = text_width + 6, text_height + below + 4
    x0, y0, _, y1 = (int(v) for v in instance.box)
    x = int(np.clip(x0, 0, max(width - box_width, 0)))
    places = [y0 - box_height, y1, y0, (y0 + y1 - box_height) // 2]
    places = [int(np.clip(y, 0, max(height - box_height, 0))) for y in places]
    y = next((y for y in places if not taken[y : y + box_height, x : x + box_width].any()), places[0])
    taken[y : y + box_height, x : x + box_width] = True
    cv2.rectangle(picture, (x, y), (x + box_width - 1, y + box_height - 1), color(number), cv2.FILLED)
    cv2.putText(picture, text, (x + 3, y + text_height + 2), _FONT, scale, _DARK, 1, cv2.LINE_AA)
