"""Images and annotations of a COCO instance file by their ids (cocodataset.org, "Data format")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.records import (
    check_lists,
    image_size,
    integer_id,
    records,
    segmentation_rles,
)
from instructsam_ros.training.data.image_files import ImageFile, image_file
from instructsam_ros.training.data.mask_codec import Rle, rle_masks
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
            instance = segmentation_rles(entry, *size)
            if not instance:
                raise InvalidInputError(f"annotation {key} has no pixel")
            rles += instance
        return rle_masks(tuple(rles), *size, image)


def read_index(path: Path, broken: BrokenRecords) -> CocoIndex:
    """Read a whole file. Records without an integer id, or with one that repeats, are broken.

    Raises InvalidInputError for a file that cannot be read or has no images or annotations.
    """
    images: dict[int, Mapping[str, Any]] = {}
    annotations: dict[int, Mapping[str, Any]] = {}
    lists = {"images": images, "annotations": annotations}
    for key, record, element in records(path):
        if (found := lists.get(key)) is None:
            continue
        try:
            if (number := integer_id(element, "id")) in found:
                raise InvalidInputError(f"the id {number} is there twice")
            found[number] = element
        except InvalidInputError as error:
            broken.add(path, record, error)
    check_lists(path, lists)
    return CocoIndex(path, images, annotations)


def _short(value: Any) -> str:
    """An id for a message, whatever a file holds instead of one."""
    plain = isinstance(value, str) or (isinstance(value, int) and abs(value) < 1 << 64)
    return str(value)[:20] if plain else f"of type {type(value).__name__}"
