"""Writer of the InstructSAM training form (see ../readers/inst2seg.py): instances as texts of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from instructsam_ros.training.data.conversion import (
    AnnotatedImage,
    EncodedSample,
    write_json_list,
)
from instructsam_ros.training.data.mask_codec import json_rle, mask_api
from instructsam_ros.training.data.writers.inst2seg import category, labels


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write annotations.json and images/; return the settings of the reader, relative to the folder.

    The form holds one phrase: the instances of several become one answer.
    """
    write_json_list(folder / "annotations.json", _entries(images, folder / "images"))
    return {"format": "inst2seg", "annotations": "annotations.json", "images": "images"}


def _entries(images: Iterable[AnnotatedImage], folder: Path) -> Iterator[dict[str, Any]]:
    folder.mkdir()
    for image in images:
        image.save(folder)
        items = [_item(each) for each in image.samples]
        yield {
            "type": "instseg",
            "image": image.name,
            "height": image.height,
            "width": image.width,
            "annotation": items,
        }


def _item(encoded: EncodedSample) -> dict[str, Any]:
    sample = encoded.sample
    if sample.boxes_only:
        instances = [mask_api().toBbox(rle).tolist() for rle in encoded.rles()]
    else:
        instances = [json_rle(rle) for rle in encoded.rles()]
    return {
        "type": "phrase" if sample.labels.get("level") == "concept" else "sentence",
        "text": sample.instruction,
        **category(sample),
        "ann_type": "bbox" if sample.boxes_only else "mask",
        "ann": [json.dumps(instance) for instance in instances] or None,
        **labels(sample),
    }
