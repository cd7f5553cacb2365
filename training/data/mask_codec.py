"""Instance masks as COCO run-length codes and polygons, by pycocotools; the decoder of compressed codes is
written by hand because pycocotools reads beyond the end of damaged ones.
"""

from __future__ import annotations

from typing import Any

from instructsam_ros.errors import InvalidInputError, MissingDependencyError

FARTHEST = 10
"""How many times the image's longer side a polygon's coordinates may be; huge ones crash pycocotools."""


def instance_rles(mask: Any, height: int, width: int) -> tuple[dict[str, Any], ...]:
    """One compressed RLE per instance of a ``mask`` value; masks without a pixel, as which some sets write
    "no target", are none. Raises InvalidInputError for other forms.
    """
    if mask is None:
        return ()
    if not isinstance(mask, dict | list):
        raise InvalidInputError(f"mask is a {type(mask).__name__}, not RLE, polygons, a list of them or null")
    one = isinstance(mask, dict) or (mask and all(_is_polygon(part) for part in mask))
    rles = [_rle(instance, height, width) for instance in ([mask] if one else mask)]
    return tuple(rle for rle in rles if mask_api().area(rle) > 0)


def mask_api() -> Any:
    """pycocotools.mask. Raises MissingDependencyError that names the extra."""
    try:
        from pycocotools import mask
    except ImportError:
        raise MissingDependencyError(
            "reading benchmark masks needs pycocotools: pip install 'instructsam-ros[training]'"
        ) from None
    return mask


def _rle(instance: Any, height: int, width: int) -> dict[str, Any]:
    api = mask_api()
    if isinstance(instance, list) and all(_is_polygon(part) for part in instance):
        if any(abs(value) > FARTHEST * max(height, width) for part in instance for value in part):
            raise InvalidInputError(f"a polygon reaches far beyond the image of {width}x{height}")
        polygons = [part for part in instance if part] or [[0.0] * 6]  # pycocotools merges no empty list
        rle: dict[str, Any] = api.merge(api.frPyObjects(polygons, height, width))
        return rle
    if not isinstance(instance, dict) or not {"size", "counts"} <= instance.keys():
        raise InvalidInputError("an instance is neither an RLE {size, counts} nor a list of polygons")
    size, counts = instance["size"], instance["counts"]
    if size != [height, width]:
        raise InvalidInputError(f"an RLE has size {size}, the image [{height}, {width}]")
    runs = counts if isinstance(counts, list) else compressed_runs(counts)
    if not all(type(run) is int and run >= 0 for run in runs) or sum(runs) != height * width:
        raise InvalidInputError(f"the runs of an RLE do not add up to {height}x{width} pixels")
    packed: dict[str, Any] = api.frPyObjects({"size": size, "counts": runs}, height, width)
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
        and all(type(value) in (int, float) and value == value for value in part)  # not NaN
    )
