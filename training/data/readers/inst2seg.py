"""Reader of the Inst2Seg forms: benchmark (arXiv 2605.26102, section 4) and InstructSAM training JSON.

Both are one list of images, read as a stream. Benchmark: {image, height, width, annotation: [{text, mask}]},
where ``mask`` is null or absent (no target), one RLE, a list of polygons (one instance), or a list with one
RLE or list of polygons per instance. Beside ``image`` there may be ``depth``, an aligned depth image, and
``camera``, a file with its intrinsics (camera_files.py), both paths like that of the image. Training:
{type: "instseg", ..., annotation: [{type, text, category, ann_type: "mask" | "bbox" | "point", ann}]},
where ``ann`` is null or a list of JSON texts and ``annotation`` may be a JSON text itself; ``point``
annotations have no extent and are not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from instructsam_ros.camera_files import read_depth
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.annotation_settings import AnnotationSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.json_files import json_errors
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.mask_codec import box_rles, check_size, instance_rles, rle_masks
from instructsam_ros.training.data.sample import Depth, Phrase, Sample, as_phrase, cardinality
from instructsam_ros.types import check_instruction

LABELS = ("level", "kind", "cardinality", "form", "template", "split", "view")
"""Keys of a benchmark item that metrics are broken down by."""


@dataclass(frozen=True)
class Settings(AnnotationSettings):
    """annotations: the JSON file. See AnnotationSettings."""


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples in the order of the file, one phrase each.

    Raises InvalidInputError for a file that is no list of images.
    """
    check_folder(settings.images)
    for number, entry in enumerate(stream_list(settings.annotations)):
        try:
            image, height, width, items = _image(entry, settings.images)
            depth = _depth(entry, settings.images, image)
        except InvalidInputError as error:
            broken.add(settings.annotations, f"[{number}]", error)
            continue
        for place, item in enumerate(items):
            record = f"[{number}].annotation[{place}]"
            try:
                if item.get("ann_type") != "point":
                    sample = _sample(item, entry["image"], image, (height, width), record)
                    yield replace(sample, depth=depth)
            except InvalidInputError as error:
                broken.add(settings.annotations, record, error)


def _image(entry: Any, images: Path) -> tuple[ImageFile, int, int, list[dict[str, Any]]]:
    try:
        name, height, width = entry["image"], entry["height"], entry["width"]
        items = entry["annotation"]
    except (TypeError, KeyError):
        raise InvalidInputError("expected an object with image, height, width and annotation") from None
    if isinstance(items, str):
        items = _json(items)
    height, width = check_size(height, width)
    if not isinstance(name, str) or not isinstance(items, list):
        raise InvalidInputError("image must be a path and annotation a list")
    if not all(isinstance(item, dict) for item in items):
        raise InvalidInputError("an annotation is no object with a text")
    return image_file(images, name), height, width, items


def _depth(entry: Mapping[str, Any], images: Path, image: ImageFile) -> Depth | None:
    names = entry.get("depth"), entry.get("camera")
    if names == (None, None):
        return None
    if not all(isinstance(name, str) for name in names):
        raise InvalidInputError("depth and camera are two paths, and belong together")
    if image.is_turned():
        raise InvalidInputError(f"EXIF turns {image}, and would not turn its depth; store it upright")
    depth, camera = (image_file(images, str(name)).path for name in names)
    return partial(read_depth, depth, camera)


def _sample(
    item: Mapping[str, Any], name: str, image: ImageFile, size: tuple[int, int], record: str
) -> Sample:
    text = item.get("text")
    if not isinstance(text, str):
        raise InvalidInputError("expected an object with a text")
    instruction = check_instruction(text)
    boxes_only = item.get("ann_type") == "bbox"
    if "ann" in item or "ann_type" in item:
        parts = item.get("ann")
        if not isinstance(parts, list | None):
            raise InvalidInputError(f"ann is a {type(parts).__name__}, not a list or null")
        mask = None if parts is None else [_json(part) if isinstance(part, str) else part for part in parts]
        rles = (box_rles if boxes_only else instance_rles)(mask, *size)
    else:
        rles = instance_rles(item.get("mask"), *size)
    category = item.get("category")
    phrase = category if isinstance(category, str) and category else as_phrase(instruction)
    labels = {label: str(item[label]) for label in LABELS if item.get(label) is not None}
    if isinstance(item.get("type"), str):
        labels.setdefault("level", item["type"])
    labels.setdefault("cardinality", cardinality(len(rles)))
    return Sample(
        image=name,
        read=image.read,
        instruction=instruction,
        phrases=(Phrase(phrase, rle_masks(rles, *size, image)),),
        boxes_only=boxes_only,
        record=record,
        source="inst2seg",
        split=labels.get("split", ""),
        labels=labels,
    )


def _json(text: str) -> Any:
    with json_errors("a text of JSON"):
        return json.loads(text)
