"""The form that COCO, LVIS, PACO and EgoObjects share: one JSON object of images, annotations and categories.

It is streamed twice, because annotations may stand before the images whose size their masks need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.json_stream import stream_object
from instructsam_ros.training.data.mask_codec import Rle, box_rles, instance_rles

LONGEST = 65535
"""Pixels of a side, as many as formats of images hold; pycocotools counts in 32 bits."""


@dataclass(frozen=True)
class CocoObject:
    """An annotation of one object. attributes: ids of all its attributes (PACO); None where not annotated."""

    category: int
    rle: Rle
    attributes: frozenset[int] | None = None


@dataclass(frozen=True)
class CocoImage:
    """An image with its annotations. entry: as in the file. record: its place there. size: height, width.

    unclear: categories with annotations that are no single object: crowds, and damaged or empty ones.
    """

    entry: Mapping[str, Any]
    record: str
    size: tuple[int, int]
    objects: list[CocoObject] = field(default_factory=list)
    unclear: set[int] = field(default_factory=set)

    def text(self, key: str) -> str:
        """Return a text of the entry. Raises InvalidInputError where there is none."""
        if not isinstance(value := self.entry.get(key), str):
            raise InvalidInputError(f"the image has no {key}")
        return value

    def ids(self, key: str) -> set[int]:
        """Return ids of the entry, none for a missing list. Raises InvalidInputError for another value."""
        return _ids(self.entry.get(key) or [], key)


@dataclass(frozen=True)
class CocoFile:
    """nouns: readable names by category id; several may have the same. attributes: names by id (PACO)."""

    nouns: Mapping[int, str]
    attributes: Mapping[int, str]
    images: tuple[CocoImage, ...]

    @cached_property
    def categories(self) -> Mapping[str, set[int]]:
        """Category ids by noun."""
        ids: dict[str, set[int]] = {}
        for category, noun in self.nouns.items():
            ids.setdefault(noun, set()).add(category)
        return ids


def read_coco(
    path: Path, broken: BrokenRecords, *, boxes_only: bool = False, categories: Path | None = None
) -> CocoFile:
    """Read a file. Objects without a category are left out.

    boxes_only: objects are their ``bbox`` and not their ``segmentation``. categories: a file of its own with
    the categories. Raises InvalidInputError for a file without images and where there are no categories.
    """
    images: dict[int, CocoImage] = {}
    names: dict[str, dict[int, str]] = {"categories": {}, "attributes": {}}
    for file in (path, categories) if categories else (path,):
        for key, record, element in _records(file):
            try:
                if key == "images" and file == path:
                    images[_id(element, "id")] = CocoImage(element, record, _size(element))
                elif key in names:
                    names[key][_id(element, "id")] = _name(element)
            except InvalidInputError as error:
                broken.add(file, record, error)
    if not images or not names["categories"]:
        missing = "categories" if images else "images"
        raise InvalidInputError(f"{path} has no {missing}; it is no annotation file of the form of COCO")
    for key, record, element in _records(path):
        try:
            if key == "annotations":
                _add_object(element, images, names["categories"], boxes_only)
        except InvalidInputError as error:
            broken.add(path, record, error)
    return CocoFile(names["categories"], names["attributes"], tuple(images.values()))


def readable_noun(name: str) -> str:
    """Return the name of a category as English: "glass_(drink_container):base" is "glass base"."""
    return re.sub(r"[_:\s]+", " ", re.sub(r"\([^)]*\)", " ", name)).strip()


def _records(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Key, place and value of each element of the file's lists."""
    counts: dict[str, int] = {}
    for key, element in stream_object(path):
        counts[key] = counts.get(key, -1) + 1
        yield key, f"{key}[{counts[key]}]", element


def _add_object(
    annotation: Any, images: Mapping[int, CocoImage], nouns: Mapping[int, str], boxes_only: bool
) -> None:
    """Add an annotation to its image. Raises InvalidInputError for a damaged one; its category is unclear."""
    number = _id(annotation, "image_id")
    if number not in images:
        raise InvalidInputError(f"there is no image with the id {number}")
    image, category = images[number], annotation.get("category_id")
    if category is None:
        return
    if type(category) is not int or category not in nouns:
        image.unclear.update(nouns)  # it may be an object of any
        raise InvalidInputError(f"there is no category with the id {category!r}")
    rles: tuple[Rle, ...] = ()
    try:
        if not annotation.get("iscrowd"):
            form, key = (box_rles, "bbox") if boxes_only else (instance_rles, "segmentation")
            value = annotation.get(key)
            rles = form([value] if value and (boxes_only or isinstance(value, list)) else value, *image.size)
            attributes = annotation.get("attribute_ids")
            known = None if attributes is None else frozenset(_ids(attributes, "attribute_ids"))
            image.objects.extend(CocoObject(category, rle, known) for rle in rles)
    finally:
        if not rles:
            image.unclear.add(category)


def _id(element: Any, key: str) -> int:
    if not isinstance(element, dict) or type(element.get(key)) is not int:
        raise InvalidInputError(f"expected an object with an integer {key}")
    number: int = element[key]
    return number


def _ids(values: Any, key: str) -> set[int]:
    if not isinstance(values, list) or not all(type(number) is int for number in values):
        raise InvalidInputError(f"{key} is not a list of ids")
    return set(values)


def _name(element: dict[str, Any]) -> str:
    if not isinstance(name := element.get("name"), str) or not readable_noun(name):
        raise InvalidInputError(f"{name!r} is no name")
    return readable_noun(name)


def _size(element: dict[str, Any]) -> tuple[int, int]:
    height, width = element.get("height"), element.get("width")
    if not all(type(side) is int and 1 <= side <= LONGEST for side in (height, width)):
        raise InvalidInputError(f"height {height!r} and width {width!r} must be integers in 1..{LONGEST}")
    return height, width  # type: ignore[return-value]
