"""Reader of RoboRefIt (Lu et al., VL-Grasp, arXiv 2308.00640) as InstructSAM evaluates it: one list of
{image, question | expression, masks: RLE}; a mask without a pixel is no target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.annotation_settings import AnnotationSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import check_folder, image_file
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.mask_codec import rle_field, rle_masks
from instructsam_ros.training.data.sample import Phrase, Sample, as_phrase, cardinality
from instructsam_ros.types import check_instruction


@dataclass(frozen=True)
class Settings(AnnotationSettings):
    """annotations: the JSON file. See AnnotationSettings."""


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples in the order of the file. Raises InvalidInputError for a file that is no list."""
    check_folder(settings.images)
    for number, entry in enumerate(stream_list(settings.annotations)):
        try:
            yield _sample(entry, settings.images, f"[{number}]")
        except InvalidInputError as error:
            broken.add(settings.annotations, f"[{number}]", error)


def _sample(entry: Any, images: Path, record: str) -> Sample:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise InvalidInputError("expected an object with image, question or expression, and masks")
    text = entry.get("question", entry.get("expression"))
    if not isinstance(text, str):
        raise InvalidInputError("expected a text as question or expression")
    instruction = check_instruction(text)
    image = image_file(images, entry["image"])
    rles, height, width = rle_field(entry, "masks")
    return Sample(
        image=entry["image"],
        read=image.read,
        instruction=instruction,
        phrases=(Phrase(as_phrase(instruction), rle_masks(rles, height, width, image)),),
        record=record,
        source="roborefit",
        labels={"cardinality": cardinality(len(rles))},
    )
