"""Reader of the form in which InstructSAM evaluates the AP of RefCOCO: one list of {image, height, width,
cat: [expression, ...], masks: [mask, ...]}, a mask per expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.annotation_settings import AnnotationSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.records import image_size
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.mask_codec import instance_rles, rle_masks
from instructsam_ros.training.data.sample import Phrase, Sample, as_phrase, cardinality
from instructsam_ros.types import check_instruction


@dataclass(frozen=True)
class Settings(AnnotationSettings):
    """annotations: the JSON file. See AnnotationSettings."""


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read a sample per expression. Raises InvalidInputError for a file that is no list."""
    check_folder(settings.images)
    for number, entry in enumerate(stream_list(settings.annotations)):
        try:
            image, size = _image(entry, settings.images)
        except InvalidInputError as error:
            broken.add(settings.annotations, f"[{number}]", error)
            continue
        for place, (text, mask) in enumerate(zip(entry["cat"], entry["masks"], strict=True)):
            record = f"[{number}].cat[{place}]"
            try:
                instruction = check_instruction(text)
                rles = instance_rles(mask, *size)
            except InvalidInputError as error:
                broken.add(settings.annotations, record, error)
                continue
            yield Sample(
                image=entry["image"],
                read=image.read,
                instruction=instruction,
                phrases=(Phrase(as_phrase(instruction), rle_masks(rles, *size, image)),),
                record=record,
                source="refcoco_ap",
                labels={"cardinality": cardinality(len(rles))},
            )


def _image(entry: Any, images: Path) -> tuple[ImageFile, tuple[int, int]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise InvalidInputError("expected an object with image, height, width, cat and masks")
    texts, masks = entry.get("cat"), entry.get("masks")
    if not isinstance(texts, list) or not isinstance(masks, list) or len(texts) != len(masks):
        raise InvalidInputError("cat and masks must be lists of one length")
    image = image_file(images, entry["image"])
    return image, image_size(entry, image)
