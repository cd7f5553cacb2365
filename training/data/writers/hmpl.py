"""Writer of the form of HMPL-Instruct (see ../readers/hmpl.py): instructions of one meaning are a record.

``phrase`` of a record is the noun phrase of the answer, which may name more than the instances of the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import AnnotatedImage, EncodedSample
from instructsam_ros.training.data.mask_codec import json_rle, mask_api
from instructsam_ros.training.data.readers.hmpl import LEVELS

KEYS = {level: key for key, level in LEVELS.items()}


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write annotations.json and images/; return the settings of the reader, relative to the folder.

    Raises InvalidInputError for boxes and for instructions without a level.
    """
    (folder / "images").mkdir()
    rows: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        image.save(folder / "images")
        for members in _groups(image.samples):
            size = {"height": image.height, "width": image.width}
            rows.append(
                {
                    "id": len(rows) + 1,
                    "file_name": image.name,
                    **size,
                    "text_inst_input": _texts(members),
                    "phrase": " ".join(phrase.text for phrase in members[0].sample.phrases),
                }
            )
            for rle in members[0].rles():
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(rows),
                        "category_id": 1,
                        "bbox": mask_api().toBbox(rle).tolist(),
                        "area": int(mask_api().area(rle)),
                        "iscrowd": 0,
                        "segmentation": json_rle(rle),
                    }
                )
    content = {"images": rows, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}
    (folder / "annotations.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return {"format": "hmpl", "annotations": "annotations.json", "images": "images"}


def _groups(samples: Iterable[EncodedSample]) -> Iterable[list[EncodedSample]]:
    """Samples of one meaning."""
    groups: dict[tuple[str, str], list[EncodedSample]] = {}
    for each in samples:
        if each.sample.boxes_only or each.sample.labels.get("level") not in KEYS:
            raise InvalidInputError(
                f"{each.sample.image}: {each.sample.record}: the form of HMPL-Instruct holds masks and the "
                "levels concept, simple and complex; convert to inst2seg or shards"
            )
        meaning = each.sample.meaning
        key = ("meaning", meaning) if meaning else ("text", each.sample.instruction)
        groups.setdefault(key, []).append(each)
    return groups.values()


def _texts(members: list[EncodedSample]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in members:
        texts.setdefault(KEYS[each.sample.labels["level"]], []).append(each.sample.instruction)
    return texts
