"""The form that COCO, LVIS, PACO and EgoObjects share: one JSON object of images, annotations and categories.

It is streamed twice, because annotations may stand before the images whose size their masks need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.coco.records import check_lists, integer_id, records, segmentation_rles
from instructsam_ros.training.data.mask_codec import Rle, box_rles, check_size
from instructsam_ros.training.data.noun_instructions import readable_noun


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
        for key, record, element in records(file):
            try:
                if key == "images" and file == path:
                    if (number := integer_id(element, "id")) in images:
                        raise InvalidInputError(f"the id {number} is that of {images[number].record}, too")
                    size = check_size(element.get("height"), element.get("width"))
                    images[number] = CocoImage(element, record, size)
                elif key in names:
                    names[key][integer_id(element, "id")] = _name(element)
            except InvalidInputError as error:
                problems.append((record, error))
    check_lists(path, {"images": images, "categories": names["categories"]})
    for key, record, element in records(path):
        if key == "annotations":
            image = None
            try:
                image = images.get(integer_id(element, "image_id"))
                if image is None:
                    raise InvalidInputError(f"there is no image with the id {element['image_id']}")
                _add_object(element, image, names["categories"], boxes_only)
            except InvalidInputError as error:
                (image.problems if image else problems).append((record, error))
    return CocoFile(names["categories"], names["attributes"], tuple(images.values()), problems)


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
    rles = box_rles([annotation.get("bbox")], *size) if boxes_only else segmentation_rles(annotation, *size)
    attributes = annotation.get("attribute_ids")
    is_known = attributes is not None and not annotation.get("unknown_color")
    known = frozenset(_ids(attributes, "attribute_ids")) if is_known else None
    return CocoObject(category, rles[0], known) if rles else None


def _ids(values: Any, key: str) -> set[int]:
    if not isinstance(values, list) or not all(type(number) is int for number in values):
        raise InvalidInputError(f"{key} is not a list of ids")
    return set(values)


def _name(element: dict[str, Any]) -> str:
    if not isinstance(name := element.get("name"), str) or not readable_noun(name):
        raise InvalidInputError(f"{name!r} is no name")
    return readable_noun(name)
