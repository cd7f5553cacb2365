"""Reader of the Inst2Seg benchmark form: instructions with instance masks, one JSON file for a set.

A list of {"image", "height", "width", "annotation": [{"text", "mask", ...}]}. ``mask`` is null or
absent (no target), one RLE, a list of polygons (one instance), or a list with one RLE or list of
polygons per instance. RLE and polygons are COCO's; an empty polygon covers nothing. Items may carry labels
(LABELS).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.mask_codec import instance_rles, mask_api
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.types import check_instruction

LABELS = ("level", "kind", "cardinality", "form", "template", "split", "view")
SHOWN_PROBLEMS = 20
LONGEST = 65535
"""Pixels of a side, as many as formats of images hold; pycocotools counts in 32 bits."""


@dataclass(frozen=True)
class BenchmarkItem:
    """One instruction. rles: compressed COCO RLE per instance, empty for no target."""

    text: str
    rles: tuple[dict[str, Any], ...]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class BenchmarkImage:
    """One image and its instructions. name: its path as the file gives it."""

    name: str
    path: Path
    height: int
    width: int
    items: tuple[BenchmarkItem, ...]

    def read(self) -> NDArray[np.uint8]:
        """The image as uint8 [H, W, 3] RGB. Raises InvalidInputError if its data is damaged."""
        # PIL refuses files that break off, and leaves the EXIF orientation alone as the masks do
        try:
            with Image.open(self.path) as image:
                if image.mode.startswith("I"):  # 16 bit grey, which PIL would cut off at 255
                    grey = (np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8)
                    return np.stack([grey] * 3, -1)
                return np.asarray(image.convert("RGB"))
        except Exception as error:  # PIL raises another kind for each format
            raise InvalidInputError(f"cannot decode the image {self.path}: {error}") from None

    def samples(self) -> list[Sample]:
        """Its instructions as samples of one phrase each: the instruction, cleaned up as the released
        training does (first letter small, no full stop).
        """
        found = []
        for item in self.items:
            text = item.text.strip().removesuffix(".") or item.text
            phrase = Phrase(text[:1].lower() + text[1:], partial(self.masks, item))
            split = item.labels.get("split", "")
            found.append(
                Sample(self.name, self.read, item.text, (phrase,), False, "inst2seg", split, item.labels)
            )
        return found

    def masks(self, item: BenchmarkItem) -> NDArray[np.bool_]:
        """The instances of one of its instructions, bool [m, H, W]."""
        if not item.rles:
            return np.zeros((0, self.height, self.width), bool)
        decoded = mask_api().decode(list(item.rles))
        return np.ascontiguousarray(decoded.transpose(2, 0, 1).astype(bool))


def load_inst2seg(annotations: Path, images: Path) -> list[BenchmarkImage]:
    """Read and check a whole set. annotations: the JSON file; images: folder its paths start from.

    Raises InvalidInputError with one list of everything that is wrong in file and folder, and
    MissingDependencyError without pycocotools.
    """
    try:
        entries = json.loads(annotations.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the annotations {annotations}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise InvalidInputError(f"{annotations} is not valid JSON: {error}") from None
    if not isinstance(entries, list):
        raise InvalidInputError(f"{annotations}: expected a list of images, got {type(entries).__name__}")
    if not images.is_dir():
        raise InvalidInputError(f"there is no image folder {images}")
    problems: list[str] = []
    found = [_image(entry, images, f"[{i}]", problems) for i, entry in enumerate(entries)]
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:SHOWN_PROBLEMS])
        bad = len({problem.partition("]")[0] for problem in problems})
        rest = len(problems) - SHOWN_PROBLEMS
        raise InvalidInputError(
            f"{annotations}: {len(problems)} problems in {bad} of {len(entries)} entries:\n{shown}"
            + (f"\n  and {rest} more" if rest > 0 else "")
        )
    return [image for image in found if image is not None]


def _image(entry: Any, images: Path, where: str, problems: list[str]) -> BenchmarkImage | None:
    try:
        name, height, width = entry["image"], entry["height"], entry["width"]
        annotation = entry["annotation"]
    except (TypeError, KeyError):
        problems.append(f"{where}: expected an object with image, height, width and annotation")
        return None
    if not all(type(side) is int and 1 <= side <= LONGEST for side in (height, width)):
        problems.append(f"{where}: height {height!r} and width {width!r} must be integers in 1..{LONGEST}")
        return None
    if not isinstance(name, str) or not isinstance(annotation, list):
        problems.append(f"{where}: image must be a path and annotation a list")
        return None
    problems += [f"{where}: {problem}" for problem in _file_problems(images / name, height, width)]
    items = []
    for number, item in enumerate(annotation):
        try:
            items.append(_item(item, height, width))
        except InvalidInputError as error:
            problems.append(f"{where}.annotation[{number}]: {error}")
    return BenchmarkImage(name, images / name, height, width, tuple(items))


def _item(item: Any, height: int, width: int) -> BenchmarkItem:
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise InvalidInputError("expected an object with a text")
    labels = {name: str(item[name]) for name in LABELS if item.get(name) is not None}
    return BenchmarkItem(
        check_instruction(item["text"]), instance_rles(item.get("mask"), height, width), labels
    )


def _file_problems(path: Path, height: int, width: int) -> Iterator[str]:
    try:
        with Image.open(path) as image:
            size, turned = image.size, image.getexif().get(ExifTags.Base.Orientation, 1) != 1
            image.load()  # better now than hours into a run
    except FileNotFoundError:
        yield f"no image {path}"
    except Exception:  # PIL raises another kind for each format
        yield f"{path} is not a readable image"
    else:
        if size != (width, height):
            hint = (
                "; its EXIF orientation turns it, and masks do not follow: save it upright" if turned else ""
            )
            yield f"{path} is {size[0]}x{size[1]}, the annotation says {width}x{height}{hint}"
