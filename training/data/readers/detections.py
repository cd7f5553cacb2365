"""Reader of a detector's boxes as labels: a JSON list of {file, width, height, LIST: [[class, score, box]]}.

A box is [left, top, right, bottom] in pixels. The detector is a teacher that misses things and errs: its
surest boxes are objects; instructions name the classes of an image that have no doubtful box besides, and as
absent ones those without any box.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.annotation_settings import AnnotationSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.mask_codec import box_rles, check_size, is_number, rle_masks
from instructsam_ros.training.data.noun_instructions import (
    Entity,
    NounLabels,
    noun_samples,
    readable_noun,
)
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Settings(AnnotationSettings):
    """annotations: the JSON file. boxes: key of the list of boxes. sure: least score of an object.
    instructions: most that are made about an image, drawn by seed. See AnnotationSettings.
    """

    boxes: str = "everything"
    sure: float = 0.45
    instructions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 0, 1, "sure")
        check_range(self, 1, math.inf, "instructions")


MOST_SHARED = 0.6
"""Largest share of the smaller of two boxes of a class in the other if they are of two objects."""


class Detection(NamedTuple):
    """A box [left, top, right, bottom] in pixels with the noun of its class and its score, 0..1."""

    noun: str
    score: float
    box: tuple[float, float, float, float]


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, image by image. Raises InvalidInputError for a file that is no such list."""
    check_folder(settings.images)
    path = settings.annotations
    entries = list(enumerate(stream_list(path)))
    found: dict[int, list[Detection]] = {}
    for number, entry in entries:
        try:
            found[number] = _detections(entry, settings.boxes)
        except InvalidInputError as error:
            broken.add(path, f"[{number}]", error)
    classes = frozenset(each.noun for boxes in found.values() for each in boxes)
    for number, boxes in found.items():
        entry = entries[number][1]
        try:
            photo = image_file(settings.images, entry["file"])
            size = check_size(entry.get("height"), entry.get("width"))
            labels = _labels(boxes, classes, settings.sure, photo, size)
        except InvalidInputError as error:
            broken.add(path, f"[{number}]", error)
            continue
        template = Sample(
            image=entry["file"],
            read=photo.read,
            instruction="",
            phrases=(Phrase("", rle_masks((), *size, photo)),),
            boxes_only=True,
            record=f"[{number}]",
            source="detections",
        )
        yield from noun_samples(labels, template, settings.instructions, settings.seed)


def _labels(
    boxes: list[Detection],
    classes: frozenset[str],
    sure: float,
    photo: ImageFile,
    size: tuple[int, int],
) -> NounLabels:
    height, width = size
    entities = []
    doubtful = {each.noun for each in boxes if each.score < sure}
    for number, each in enumerate(boxes):
        noun, score, (left, top, right, bottom) = each
        if any(_is_same(each, other) for other in boxes[:number]):
            doubtful.add(noun)  # one object or two
            continue
        rles = box_rles([[left, top, right - left, bottom - top]], height, width) if score >= sure else ()
        span = None if photo.is_turned() else (left / width, right / width)
        entities += [Entity(noun, rle_masks(rles, height, width, photo), span)] if rles else []
    seen = {each.noun for each in boxes}
    clear = {entity.noun for entity in entities} - doubtful
    return NounLabels(
        entities=tuple(entity for entity in entities if entity.noun in clear),
        exhaustive=frozenset(clear),
        absent=classes - seen,
        ambiguous=frozenset(seen - clear),
        others=tuple(entity for entity in entities if entity.noun not in clear),
        classes=classes,
    )


def _is_same(one: Detection, other: Detection) -> bool:
    """Whether two boxes of a class may be of one object: most of the smaller one is in the other."""
    sides = [max(0.0, min(one.box[i + 2], other.box[i + 2]) - max(one.box[i], other.box[i])) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one.box, other.box)]
    return one.noun == other.noun and sides[0] * sides[1] > MOST_SHARED * min(areas)


def _detections(entry: Any, key: str) -> list[Detection]:
    """The boxes of an image. Raises InvalidInputError for another form."""
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        raise InvalidInputError("expected an object with a text file")
    boxes = entry.get(key)
    if not isinstance(boxes, list):
        raise InvalidInputError(f"expected a list {key} of boxes")
    return sorted(map(_detection, boxes), key=lambda each: -each.score)


def _detection(value: Any) -> Detection:
    if not (
        isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and is_number(value[1])
    ):
        raise InvalidInputError(f"{value!r} is no [class, score, [left, top, right, bottom]]")
    name, score, box = value
    if not (isinstance(box, list) and len(box) == 4 and all(is_number(side) for side in box)):
        raise InvalidInputError(f"{box!r} is no box [left, top, right, bottom]")
    if not readable_noun(name):
        raise InvalidInputError(f"{name!r} is no name")
    return Detection(readable_noun(name), float(score), tuple(box))
