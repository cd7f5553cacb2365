"""Records of COCO instance files and of files of their form (cocodataset.org, "Data format")."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.json_stream import stream_object
from instructsam_ros.training.data.mask_codec import Rle, check_size, instance_rles


def records(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Iterate over the elements of the lists of a file: key of the list, place ("images[3]") and value.

    Raises InvalidInputError for a file that cannot be read or is no JSON object.
    """
    counts: dict[str, int] = {}
    for key, element in stream_object(path):
        counts[key] = counts.get(key, -1) + 1
        yield key, f"{key}[{counts[key]}]", element


def check_lists(path: Path, lists: Mapping[str, Collection[Any]]) -> None:
    """Raise InvalidInputError where one of the lists of a file has no usable record."""
    for name, found in lists.items():
        if not found:
            raise InvalidInputError(f"{path} has no {name}; it is no annotation file of the form of COCO")


def integer_id(element: Any, key: str) -> int:
    """Return an id of a record. Raises InvalidInputError where it is no integer."""
    if not isinstance(element, dict) or type(element.get(key)) is not int:
        raise InvalidInputError(f"expected an object with an integer {key}")
    number: int = element[key]
    return number


def image_size(entry: Mapping[str, Any], image: ImageFile) -> tuple[int, int]:
    """Return height and width of an image record, those of the stored pixels where it has none.

    Raises InvalidInputError for sides that are no image's.
    """
    height, width = entry.get("height"), entry.get("width")
    return image.stored_size() if height is None and width is None else check_size(height, width)


def segmentation_rles(annotation: Mapping[str, Any], height: int, width: int) -> tuple[Rle, ...]:
    """Return the one RLE of an annotation, none where no pixel is marked.

    A list is the polygons of one object. Raises InvalidInputError as ``instance_rles`` does.
    """
    value = annotation.get("segmentation")
    mask = [value] if isinstance(value, list) and value else value
    return instance_rles(mask, height, width, drop_invisible=True)  # COCO has slivers below a pixel
