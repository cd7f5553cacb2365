"""Images and annotations of a COCO instance file by their ids (cocodataset.org, "Data format")."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import ImageFile, image_file
from instructsam_ros.training.data.mask_codec import LONGEST, Rle, instance_rles, is_side, rle_masks
from instructsam_ros.training.data.sample import Masks


@dataclass(frozen=True)
class CocoIndex:
    """Records of one file by id, in the order of the file."""

    path: Path
    images: Mapping[int, Mapping[str, Any]]
    annotations: Mapping[int, Mapping[str, Any]]

    def image(self, number: Any, folder: Path) -> tuple[str, ImageFile]:
        """Return the file name and the file of an image. Raises InvalidInputError where there is none."""
        entry = self.images.get(number) if type(number) is int else None
        name = entry.get("file_name") if entry else None
        if not isinstance(name, str):
            raise InvalidInputError(f"{self.path.name} names no file for image {_short(number)}")
        return name, image_file(folder, name)

    def masks(self, number: int, annotations: Sequence[Any], image: ImageFile) -> Masks:
        """Return the reader of the masks of annotations, by id, of image ``number``; none for no id.

        Raises InvalidInputError for an annotation that is missing, of another image or without a pixel.
        """
        size = image_size(self.images[number], image)
        rles: list[Rle] = []
        for key in annotations:
            entry = self.annotations.get(key) if type(key) is int else None
            if entry is None:
                raise InvalidInputError(f"{self.path.name} has no annotation {_short(key)}")
            if entry.get("image_id") != number:
                raise InvalidInputError(f"annotation {key} belongs to another image than {number}")
            value = entry.get("segmentation")
            instance = instance_rles([value] if isinstance(value, list) and value else value, *size)
            if not instance:
                raise InvalidInputError(f"annotation {key} has no pixel")
            rles += instance
        return rle_masks(tuple(rles), *size, image)


def read_coco(path: Path, broken: BrokenRecords) -> CocoIndex:
    """Read a whole file. Records without an integer id, or with one that repeats, are broken.

    Raises InvalidInputError for a file that cannot be read or has no lists ``images`` and ``annotations``.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"cannot read the annotations {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise InvalidInputError(f"{path} is not valid JSON: {error}") from None
    lists = content if isinstance(content, dict) else {}
    return CocoIndex(path, *(_by_id(lists, name, path, broken) for name in ("images", "annotations")))


def image_size(entry: Mapping[str, Any], image: ImageFile) -> tuple[int, int]:
    """Return height and width of an image record, those of the file where it has none.

    Raises InvalidInputError for sides that are no image's.
    """
    height: Any = entry.get("height")
    width: Any = entry.get("width")
    if height is None and width is None:
        return image.size()
    if not (is_side(height) and is_side(width)):
        raise InvalidInputError(f"height and width must be integers in 1..{LONGEST}")
    return height, width


def _by_id(
    lists: Mapping[str, Any], name: str, path: Path, broken: BrokenRecords
) -> dict[int, Mapping[str, Any]]:
    entries = lists.get(name)
    if not isinstance(entries, list):
        raise InvalidInputError(f"{path} is no COCO instance file: it has no list {name!r}")
    found: dict[int, Mapping[str, Any]] = {}
    for place, entry in enumerate(entries):
        number = entry.get("id") if isinstance(entry, dict) else None
        if type(number) is not int:
            broken.add(path, f"{name}[{place}]", "expected an object with an integer id")
        elif number in found:
            broken.add(path, f"{name}[{place}]", f"the id {number} is there twice")
        else:
            found[number] = entry
    return found


def _short(value: Any) -> str:
    """An id for a message, whatever a file holds instead of one."""
    plain = isinstance(value, str) or (isinstance(value, int) and abs(value) < 1 << 64)
    return str(value)[:20] if plain else f"of type {type(value).__name__}"
