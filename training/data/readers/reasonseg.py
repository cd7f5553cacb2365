"""Reader of ReasonSeg (Lai et al., LISA, arXiv 2308.00692) in its two forms.

The release is a folder of NAME.jpg with NAME.json {text: [...], is_sentence, shapes: [{label: "target" |
"ignore" | "flag", shape_type: "polygon", points: [[x, y], ...]}]}: big shapes are drawn before small ones,
border included, pixels of "ignore" count neither way and "flag" is no annotation. The other is the list that
the InstructSAM evaluation reads, {image, question, is_sentence, mask: RLE, ignore_mask: RLE or absent}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.json_files import json_errors
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.mask_codec import FARTHEST, rle_field, rle_masks
from instructsam_ros.training.data.sample import Masks, Phrase, Sample, as_phrase
from instructsam_ros.types import check_instruction

TARGET, IGNORE = 1, 255
Shape = tuple[int, NDArray[np.int32]]
"""Its value, and its corners (x, y), [n, 2]."""


@dataclass(frozen=True)
class Settings:
    """annotations: folder of the release with NAME.json, or one JSON file of the list form. images: folder
    of the images; that of the annotations where the release is unpacked.
    """

    annotations: Path
    images: Path


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read a sample per text. Raises InvalidInputError for a folder or a file of another form."""
    check_folder(settings.images)
    if not settings.annotations.is_dir():
        yield from _list_form(settings, broken)
        return
    paths = sorted(settings.annotations.glob("*.json"))
    if not paths:
        raise InvalidInputError(f"there is no NAME.json in {settings.annotations}")
    for path in paths:
        try:
            samples = _release_form(path, settings.images)
        except InvalidInputError as error:
            broken.add(settings.annotations, path.name, error)
            continue
        yield from samples


def _release_form(path: Path, images: Path) -> list[Sample]:
    entry = _load(path)
    texts = entry.get("text")
    if not isinstance(texts, list) or not texts:
        raise InvalidInputError("text must be a list of instructions")
    image = image_file(images, f"{path.stem}.jpg")
    shapes = _shapes(entry.get("shapes"), image.size())
    masks = partial(_draw, shapes, image, TARGET)
    ignore = partial(_draw, shapes, image, IGNORE) if any(v == IGNORE for v, _ in shapes) else None
    name, split = f"{path.stem}.jpg", path.absolute().parent.name
    form = entry.get("is_sentence")
    return [
        _sample(text, form, name, image, masks, ignore, f"{path.name} text[{place}]", split)
        for place, text in enumerate(texts)
    ]


def _list_form(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    for number, entry in enumerate(stream_list(settings.annotations)):
        try:
            if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
                raise InvalidInputError("expected an object with image, question and mask")
            image = image_file(settings.images, entry["image"])
            masks = rle_masks(*rle_field(entry, "mask"), image)
            ignore = rle_masks(*rle_field(entry, "ignore_mask"), image) if entry.get("ignore_mask") else None
            sample = _sample(
                entry.get("question"),
                entry.get("is_sentence"),
                entry["image"],
                image,
                masks,
                ignore,
                f"[{number}]",
            )
        except InvalidInputError as error:
            broken.add(settings.annotations, f"[{number}]", error)
            continue
        yield sample


def _sample(
    text: Any,
    is_sentence: Any,
    name: str,
    image: ImageFile,
    masks: Masks,
    ignore: Masks | None,
    record: str,
    split: str = "",
) -> Sample:
    if not isinstance(text, str):
        raise InvalidInputError(f"a question is a {type(text).__name__}, not a text")
    if type(is_sentence) is not bool:
        raise InvalidInputError("is_sentence must be true or false")
    question = check_instruction(text)
    return Sample(
        image=name,
        read=image.read,
        instruction=question if is_sentence else f"Please segment the '{question}' in the image.",
        phrases=(Phrase(as_phrase(question), masks),),
        ignore=ignore,
        record=record,
        source="reasonseg",
        split=split,
        labels={"form": "sentence" if is_sentence else "phrase"},
    )


def _load(path: Path) -> Mapping[str, Any]:
    """Some files of the release are in Windows-1252."""
    with json_errors("it"):
        content = path.read_bytes()
        try:
            entry = json.loads(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            entry = json.loads(content.decode("cp1252"))
    if not isinstance(entry, dict):
        raise InvalidInputError("expected an object with text, is_sentence and shapes")
    return entry


def _shapes(entries: Any, size: tuple[int, int]) -> tuple[Shape, ...]:
    """Read the shapes of an image of a size. Raises InvalidInputError where none is a target."""
    shapes: list[Shape] = []
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        label = entry.get("label") if isinstance(entry, dict) else None
        if label == "flag":
            continue
        if label not in ("target", "ignore"):
            raise InvalidInputError(f"shapes[{place}] has no label target, ignore or flag")
        try:
            corners = np.array(entry.get("points"), np.float64)
        except (TypeError, ValueError, OverflowError):
            corners = np.zeros(0)
        if corners.ndim != 2 or corners.shape[1:] != (2,) or not np.isfinite(corners).all():
            raise InvalidInputError(f"points of shapes[{place}] are no list of [x, y]")
        if np.abs(corners).max() > FARTHEST * max(size):
            raise InvalidInputError(f"shapes[{place}] reaches far beyond the image of {size[1]}x{size[0]}")
        shapes.append((IGNORE if label == "ignore" else TARGET, corners.astype(np.int32)))
    if not any(value == TARGET for value, _ in shapes):
        raise InvalidInputError("no shape is a target")
    return tuple(shapes)


def _fill(canvas: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    value, corners = shape
    cv2.polylines(canvas, [corners], True, value)
    cv2.fillPoly(canvas, [corners], value)
    return canvas


def _draw(shapes: tuple[Shape, ...], image: ImageFile, value: int) -> NDArray[np.bool_]:
    """Pixels [1, H, W] that end with a value; big shapes are drawn first, on the upright image."""
    canvas = np.zeros(image.size(), np.uint8)
    areas = [np.count_nonzero(_fill(np.zeros_like(canvas), shape)) for shape in shapes]
    for place in np.argsort(-np.array(areas), kind="stable"):
        _fill(canvas, shapes[place])
    return np.equal(canvas[None], value)
