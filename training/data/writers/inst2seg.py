"""Writer of the Inst2Seg benchmark form (see ../readers/inst2seg.py): one RLE per instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import AnnotatedImage, write_json_list
from instructsam_ros.training.data.mask_codec import json_rle
from instructsam_ros.training.data.readers.inst2seg import LABELS
from instructsam_ros.training.data.sample import Sample


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write annotations.json and images/; return the settings of the reader, relative to the folder.

    The form holds one phrase: the instances of several become one answer. Raises InvalidInputError for boxes.
    """
    write_json_list(folder / "annotations.json", _entries(images, folder / "images"))
    return {"format": "inst2seg", "annotations": "annotations.json", "images": "images"}


def labels(sample: Sample) -> dict[str, str]:
    """The labels that the form holds."""
    values = {"split": sample.split, **sample.labels}
    return {label: values[label] for label in LABELS if values.get(label)}


def category(sample: Sample) -> dict[str, str]:
    """The phrase of the answer where it has one alone."""
    return {"category": sample.phrases[0].text} if len(sample.phrases) == 1 else {}


def _entries(images: Iterable[AnnotatedImage], folder: Path) -> Iterator[dict[str, Any]]:
    folder.mkdir()
    for image in images:
        image.save(folder)
        items = []
        for each in image.samples:
            if each.sample.boxes_only:
                raise InvalidInputError(
                    f"{each.sample.image}: {each.sample.record}: the benchmark form holds masks, not boxes; "
                    "convert to inst2seg_train, coco or shards"
                )
            mask = [json_rle(rle) for rle in each.rles()] or None
            text = {"text": each.sample.instruction, **category(each.sample)}
            items.append({**text, "mask": mask, **labels(each.sample)})
        yield {"image": image.name, "height": image.height, "width": image.width, "annotation": items}
