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
from instructsam_ros.training.data.json_stream import stream_object
from instructsam_ros.training.data.mask_codec import Rle, box_rles, instance_rles

LONGEST = 65535
"""Pixels of a side, as many as formats of images hold; pycocotools counts in 32 bits."""


@dataclass(frozen=True)
class CocoObject:
    """An annotation of one object. attributes: ids, None where they or its colour are unknown."""

    category: int
    rle: Rle
    attributes: frozenset[int] | None = None


@dataclass(frozen=True)
class CocoImage:
    """An image with its annotations. entry: as in the file. record: its place there. size: height, width.

    unclear: categories with annotations that are no single object: crowds, and damaged or empty ones.
    problems: place of each damaged annotation and what is wrong.
    """

    entry: Mapping[str, Any]
    record: str
    size: tuple[int, int]
    objects: list[CocoObject] = field(default_factory=list)
    unclear: set[int] = field(default_factory=set)
    problems: list[tuple[str, InvalidInputError]] = field(default_factory=list)

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
    """nouns: readable names by category id; several may have the same. attributes: names by id (PACO).

    problems: place of each damaged element that belongs to no image, and what is wrong.
    """

    nouns: Mapping[int, str]
    attributes: Mapping[int, str]
    images: tuple[CocoImage, ...]
    problems: list[tuple[str, InvalidInputError]]

    @cached_property
    def categories(self) -> Mapping[str, set[int]]:
        """Category ids by noun."""
        ids: dict[str, set[int]] = {}
        for category, noun in self.nouns.items():
            ids.setdefault(noun, set()).add(category)
        return ids


def read_coco(path: Path, *, boxes_only: bool = False, categories: Path | None = None) -> CocoFile:
    """Read a file. Objects without a category are left out.

    boxes_only: objects are their ``bbox`` and not their ``segmentation``. categories: a file of its own with
    the categories. Raises InvalidInputError for a file without images and where there are no categories.
    """
    images: dict[int, CocoImage] = {}
    names: dict[str, dict[int, str]] = {"categories": {}, "attributes": {}}
    problems: list[tuple[str, InvalidInputError]] = []
    for file in (path, categories) if categories else (path,):
        for key, record, element in _records(file):
            try:
                if key == "images" and file == path:
                    if (number := _id(element, "id")) in images:
                        raise InvalidInputError(f"the id {number} is that of {images[number].record}, too")
                    images[number] = CocoImage(element, record, _size(element))
                elif key in names:
                    names[key][_id(element, "id")] = _name(element)
            except InvalidInputError as error:
                problems.append((record, error))
    if not images or not names["categories"]:
        missing = "categories" if images else "images"
        raise InvalidInputError(f"{path} has no {missing}; it is no annotation file of the form of COCO")
    for key, record, element in _records(path):
        if key == "annotations":
            image = None
            try:
                image = images.get(_id(element, "image_id"))
                if image is None:
                    raise InvalidInputError(f"there is no image with the id {element['image_id']}")
                _add_object(element, image, names["categories"], boxes_only)
            except InvalidInputError as error:
                (image.problems if image else problems).append((record, error))
    return CocoFile(names["categories"], names["attributes"], tuple(images.values()), problems)


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
    annotation: Mapping[str, Any], image: CocoImage, nouns: Mapping[int, str], boxes_only: bool
) -> None:
    """Add an annotation to its image. Raises InvalidInputError for a damaged one; its category is unclear."""
    category = annotation.get("category_id")
    if category is None:
        return
    if type(category) is not int or category not in nouns:
        image.unclear.update(nouns)  # it may be an object of any
        raise InvalidInputError(f"there is no category with the id {category!r}")
    found = None
    try:
        found = _object(annotation, category, image.size, boxes_only)
    finally:
        if found:
            image.objects.append(found)
        else:
            image.unclear.add(category)


def _object(
    annotation: Mapping[str, Any], category: int, size: tuple[int, int], boxes_only: bool
) -> CocoObject | None:
    """Read an object; none of a crowd, and of one without a pixel."""
    if annotation.get("iscrowd"):
        return None
    value = annotation.get("bbox" if boxes_only else "segmentation")
    if boxes_only:
        rles = box_rles([value], *size)
    else:  # [] is an object without a mask, other lists are the polygons of one
        rles = instance_rles([value] if isinstance(value, list) and value else value, *size)
    attributes = annotation.get("attribute_ids")
    is_known = attributes is not None and not annotation.get("unknown_color")
    known = frozenset(_ids(attributes, "attribute_ids")) if is_known else None
    return CocoObject(category, rles[0], known) if rles else None


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
