"""The items of an annotation folder: pictures with instance masks, for people to write about.

``items.json`` is a list of {id, image, height, width, instances: [{noun, words, mask: RLE}], target, note}.
image: a path below the folder. words: what a reasoning description of the instance must not contain. target:
indices of instances that are chosen at the beginning. note: for the person.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.mask_codec import decode_masks, encode_masks, instance_rles, json_rle
from instructsam_ros.training.data_engine.target_words import target_words

FILE = "items.json"
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Item:
    """An item as it is stored; see the module."""

    id: str
    image: str
    height: int
    width: int
    instances: tuple[dict[str, Any], ...]
    target: tuple[int, ...] = ()
    note: str = ""

    def masks(self) -> NDArray[np.bool_]:
        """Decode the instance masks, bool [n, H, W]. Raises InvalidInputError for damaged ones."""
        rles = instance_rles([each["mask"] for each in self.instances], self.height, self.width)
        if len(rles) != len(self.instances):
            raise InvalidInputError(f"item {self.id} has an empty mask")
        return decode_masks(rles, self.height, self.width)


class ItemWriter:
    """Writes an annotation folder. Raises InvalidInputError for a folder that has items already."""

    def __init__(self, folder: Path) -> None:
        if (folder / FILE).exists():
            raise InvalidInputError(f"{folder} has items already; choose another folder")
        self.folder = folder
        self._items: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        rgb: NDArray[np.uint8],
        masks: NDArray[np.bool_],
        nouns: Sequence[str],
        target: Iterable[int] = (),
        note: str = "",
    ) -> None:
        """Add an image uint8 [H, W, 3] with masks bool [n, H, W] of objects with so many nouns."""
        short = "/".join(name.split("/")[-2:])  # the folder tells videos apart
        id_ = f"{len(self._items):05d}-{re.sub(r'[^A-Za-z0-9]+', '-', short).strip('-')[-60:]}"
        image = f"images/{id_}.jpg"
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "jpeg", quality=JPEG_QUALITY)
        write_atomic(self.folder / image, file.getvalue())
        rles = [json_rle(rle) for rle in encode_masks(masks)] if len(masks) else []
        instances = [
            {"noun": noun, "words": list(target_words(noun)), "mask": rle}
            for noun, rle in zip(nouns, rles, strict=True)
        ]
        height, width = rgb.shape[:2]
        item = {"id": id_, "image": image, "height": height, "width": width, "instances": instances}
        self._items.append({**item, "target": list(target), "note": note})

    def finish(self) -> int:
        """Write the list; return how many items it has."""
        content = ",\n".join(json.dumps(item, ensure_ascii=False) for item in self._items)
        write_atomic(self.folder / FILE, f"[\n{content}\n]\n".encode())
        return len(self._items)


def read_items(folder: Path) -> list[Item]:
    """Read the items of a folder. Raises InvalidInputError for a folder without or with damaged ones."""
    path = folder / FILE
    try:
        entries = json.loads(path.read_text())
        items = [
            Item(**{**each, "instances": tuple(each["instances"]), "target": tuple(each.get("target", ()))})
            for each in entries
        ]
    except FileNotFoundError:
        raise InvalidInputError(
            f"there is no {path}; make it with: instructsam annotate {folder} --sets sets.yaml"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInputError(f"{path} is no list of items: {error}") from None
    if len({item.id for item in items}) < len(items):
        raise InvalidInputError(f"{path} has two items of the same id")
    return items
