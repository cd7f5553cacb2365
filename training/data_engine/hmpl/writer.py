"""Writer of HMPL-Instruct files (see training/data/readers/hmpl.py): an image record per group of texts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.training.data.mask_codec import mask_api

JPEG_QUALITY = 95


@dataclass(frozen=True)
class Group:
    """Texts that mean the same instances of an image. read: RGB uint8 [H, W, 3]. masks: RLEs."""

    image: str
    read: Callable[[], NDArray[np.uint8]]
    masks: Sequence[dict[str, Any]]
    texts: Mapping[str, Sequence[str]]
    noun: str
    provenance: Mapping[str, Any]


def write_groups(folder: Path, groups: Sequence[Group]) -> dict[str, str]:
    """Write sam3i_train.json and images/; return the format and settings of the reader."""
    names: dict[str, str] = {}
    categories: dict[str, int] = {}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, group in enumerate(groups, 1):
        if group.image not in names:
            names[group.image] = f"{len(names):06d}.jpg"
            file = io.BytesIO()
            Image.fromarray(group.read()).save(file, "jpeg", quality=JPEG_QUALITY)
            write_atomic(folder / "images" / names[group.image], file.getvalue())
        height, width = group.masks[0]["size"]
        category = categories.setdefault(group.noun, len(categories) + 1)
        images.append(
            {
                "id": number,
                "file_name": names[group.image],
                "width": width,
                "height": height,
                "queried_category": str(category),
                "text_inst_input": {key: list(texts) for key, texts in group.texts.items()},
                "provenance": {"source": group.image, **group.provenance},
            }
        )
        for rle in group.masks:
            packed = {"size": rle["size"], "counts": rle["counts"].encode()}
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": mask_api().toBbox(packed).tolist(),
                    "area": int(mask_api().area(packed)),
                    "iscrowd": 0,
                    "segmentation": rle,
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": key, "name": name} for name, key in categories.items()],
    }
    path = folder / "sam3i_train.json"
    write_atomic(path, json.dumps(content, ensure_ascii=False).encode())
    return {"format": "hmpl", "annotations": str(path), "images": str(folder / "images")}
