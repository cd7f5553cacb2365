"""Writer of the COCO form: instances by category, with LVIS's lists of what is known about the categories.

A phrase becomes a category and its instances annotations, once each; the rest of an instruction is lost.
A phrase without an instance that is the whole instruction goes to the image's ``neg_category_ids``. A
category whose instances are not known to be all of the image goes to ``not_exhaustive_category_ids``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instructsam_ros.training.data.conversion import AnnotatedImage, EncodedSample, names_all
from instructsam_ros.training.data.mask_codec import Rle, json_rle, mask_api


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write annotations.json and images/; return the settings of the reader, relative to the folder."""
    (folder / "images").mkdir()
    categories: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        image.save(folder / "images")
        found, whole, absent = _instances(image.samples)
        ids = {name: categories.setdefault(name, len(categories) + 1) for name in [*found, *absent]}
        rows.append(
            {
                "id": len(rows) + 1,
                "file_name": image.name,
                "height": image.height,
                "width": image.width,
                "neg_category_ids": [ids[name] for name in absent],
                "not_exhaustive_category_ids": [ids[name] for name in found if name not in whole],
            }
        )
        for name, instances in found.items():
            for rle, is_box in instances.values():
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(rows),
                        "category_id": ids[name],
                        "bbox": mask_api().toBbox(rle).tolist(),
                        "area": int(mask_api().area(rle)),
                        "iscrowd": 0,
                        **({} if is_box else {"segmentation": json_rle(rle)}),
                    }
                )
    content = {
        "images": rows,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    (folder / "annotations.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return {"format": "coco", "annotations": "annotations.json", "images": "images"}


def _instances(
    samples: Iterable[EncodedSample],
) -> tuple[dict[str, dict[bytes, tuple[Rle, bool]]], set[str], list[str]]:
    """Distinct instances of every phrase, and whether they are boxes; complete phrases; absent phrases."""
    found: dict[str, dict[bytes, tuple[Rle, bool]]] = {}
    whole, absent = set(), []
    for each in samples:
        for phrase, rles in zip(each.sample.phrases, each.phrases, strict=True):
            for rle in rles:
                found.setdefault(phrase.text, {})[rle["counts"]] = rle, each.sample.boxes_only
            if names_all(each.sample):
                whole.add(phrase.text)
            if not rles and each.sample.instruction.casefold() == phrase.text.casefold():
                absent.append(phrase.text)
    return found, whole, [name for name in dict.fromkeys(absent) if name not in found]
