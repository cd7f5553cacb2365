"""Instance masks as COCO run-length codes and polygons, by pycocotools; the decoder of compressed codes is
written by hand because pycocotools reads beyond the end of damaged ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError, MissingDependencyError
from instructsam_ros.training.data.image_files import EncodedImage
from instructsam_ros.training.data.sample import Masks

Rle = dict[str, Any]
"""A compressed COCO RLE, {size, counts}."""

LONGEST = 65535
"""Pixels of a side, as many as formats of images hold; pycocotools counts in 32 bits."""
FARTHEST = 10
"""How many times the image's longer side coordinates may be; huge ones crash pycocotools."""


def instance_rles(mask: Any, height: int, width: int, *, drop_invisible: bool = False) -> tuple[Rle, ...]:
    """One compressed RLE per instance of a ``mask`` value; RLEs without a pixel and polygons without a point,
    as which some sets write "no target", are none.

    Raises InvalidInputError for other forms, and for polygons with points that cover no pixel of the image,
    which would turn a target into "nothing there". drop_invisible: whether such polygons are none, too.
    """
    if mask is None:
        return ()
    if not isinstance(mask, dict | list):
        raise InvalidInputError(f"mask is a {type(mask).__name__}, not RLE, polygons, a list of them or null")
    one = isinstance(mask, dict) or (mask and all(_is_polygon(part) for part in mask))
    found = []
    for instance in [mask] if one else mask:
        rle = _rle(instance, height, width)
        if mask_api().area(rle) > 0:
            found.append(rle)
        elif isinstance(instance, list) and any(instance) and not drop_invisible:
            raise InvalidInputError(
                f"polygons of an instance cover no pixel of the image of {width}x{height}"
            )
    return tuple(found)


def box_rles(boxes: Any, height: int, width: int) -> tuple[Rle, ...]:
    """One filled box as RLE per [x, y, width, height] in pixels, cut at the image's edge; boxes without a
    pixel are none. Raises InvalidInputError for other forms.
    """
    rles = []
    for box in boxes or ():
        if not (isinstance(box, list | tuple) and len(box) == 4 and all(is_number(value) for value in box)):
            raise InvalidInputError(f"{box!r} is no box [x, y, width, height]")
        if any(abs(value) > FARTHEST * max(height, width) for value in box):
            raise InvalidInputError(f"a box reaches far beyond the image of {width}x{height}")
        left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
        left, right = (min(max(round(side), 0), width) for side in (left, right))
        top, bottom = (min(max(round(side), 0), height) for side in (top, bottom))
        if right > left and bottom > top:
            mask = np.zeros((height, width, 1), np.uint8, order="F")
            mask[top:bottom, left:right] = 1
            rles += mask_api().encode(mask)
    return tuple(rles)


def encode_masks(masks: NDArray[np.bool_]) -> tuple[Rle, ...]:
    """Encode masks bool [m, H, W], one RLE each."""
    return tuple(mask_api().encode(np.asfortranarray(masks.transpose(1, 2, 0), np.uint8)))


def decode_masks(rles: tuple[Rle, ...], height: int, width: int) -> NDArray[np.bool_]:
    """Decode RLEs of one image, bool [m, H, W]."""
    if not rles:
        return np.zeros((0, height, width), bool)
    decoded = mask_api().decode(list(rles))
    return np.ascontiguousarray(decoded.transpose(2, 0, 1).astype(bool))


def rle_masks(rles: tuple[Rle, ...], height: int, width: int, image: EncodedImage) -> Masks:
    """Return the reader of the masks of an annotation of height x width, upright as ``image``."""
    return partial(_read_masks, rles, height, width, image)


def json_rle(rle: Rle) -> dict[str, Any]:
    """A compressed RLE as JSON holds it."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode()}


def rle_field(entry: Mapping[str, Any], key: str) -> tuple[tuple[Rle, ...], int, int]:
    """Return RLEs, height and width of a record that gives no size but that of its RLE, or of several.

    Raises InvalidInputError for a record without one, and as ``instance_rles``.
    """
    value = entry.get(key)
    first = value[0] if isinstance(value, list) and value else value
    size = first.get("size") if isinstance(first, dict) else None
    if not (isinstance(size, list) and len(size) == 2):
        raise InvalidInputError(f"{key} is no RLE with a size [height, width]")
    height, width = check_size(*size)
    return instance_rles(value, height, width), height, width


def check_size(height: Any, width: Any) -> tuple[int, int]:
    """Return height and width as they are. Raises InvalidInputError for sides that are no image's."""
    if not all(type(side) is int and 1 <= side <= LONGEST for side in (height, width)):
        raise InvalidInputError(f"height {height!r} and width {width!r} must be integers in 1..{LONGEST}")
    return height, width


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _read_masks(rles: tuple[Rle, ...], height: int, width: int, image: EncodedImage) -> NDArray[np.bool_]:
    return image.upright(decode_masks(rles, height, width))


def mask_api() -> Any:
    """pycocotools.mask. Raises MissingDependencyError that names the extra."""
    try:
        from pycocotools import mask
    except ImportError:
        raise MissingDependencyError(
            "reading benchmark masks needs pycocotools: pip install 'instructsam-ros[training]'"
        ) from None
    return mask


def _rle(instance: Any, height: int, width: int) -> Rle:
    api = mask_api()
    if isinstance(instance, list) and all(_is_polygon(part) for part in instance):
        farthest = FARTHEST * max(height, width)
        if any(abs(value) > farthest for part in instance for value in part):
            raise InvalidInputError(f"a polygon reaches far beyond the image of {width}x{height}")
        polygons = [part for part in instance if part] or [[0.0] * 6]  # pycocotools merges no empty list
        rle: Rle = api.merge(api.frPyObjects(polygons, height, width))
        return rle
    if not isinstance(instance, dict) or not {"size", "counts"} <= instance.keys():
        raise InvalidInputError("an instance is neither an RLE {size, counts} nor a list of polygons")
    size, counts = instance["size"], instance["counts"]
    if size != [height, width]:
        raise InvalidInputError(f"an RLE has size {size}, the image [{height}, {width}]")
    runs = counts if isinstance(counts, list) else compressed_runs(counts)
    if not all(type(run) is int and run >= 0 for run in runs) or sum(runs) != height * width:
        raise InvalidInputError(f"the runs of an RLE do not add up to {height}x{width} pixels")
    packed: Rle = api.frPyObjects({"size": size, "counts": runs}, height, width)
    return packed


def compressed_runs(counts: Any) -> list[int]:
    """Run lengths of COCO's compressed RLE: numbers of five bits a character, the lowest first, from the
    third run on as the difference from the run before last. pycocotools reads damaged ones without
    complaint, and beyond their end. Raises InvalidInputError for a text that is not one.
    """
    if not isinstance(counts, str):
        raise InvalidInputError(f"the counts of an RLE are a {type(counts).__name__}, not a list or a text")
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - ord("0")
        if not 0 <= bits < 64:
            raise InvalidInputError(f"an RLE cannot be decoded: it contains {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the last character of a number, whose highest bit is its sign
            signed = value - (1 << shift) if bits & 16 else value
            runs.append(signed + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise InvalidInputError("an RLE cannot be decoded: it breaks off within a number")
    return runs


def _is_polygon(part: Any) -> bool:
    return (
        isinstance(part, list)
        and (not part or len(part) >= 6)
        and len(part) % 2 == 0
        and all(is_number(value) for value in part)
    )
