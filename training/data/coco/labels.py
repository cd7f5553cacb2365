"""Instructions about the images of an annotation file of the form of COCO."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.annotation_file import CocoFile, CocoImage, CocoObject, read_coco
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.mask_codec import mask_api, rle_masks
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, everyday_labels, noun_samples
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

Labelling = Callable[[CocoFile, CocoImage, ImageFile], Iterable[NounLabels]]
"""Returns sets of labels of an image. Raises InvalidInputError for an image that cannot be used."""


@dataclass(frozen=True)
class CocoSettings:
    """annotations: the JSON file. images: the folder its paths start from. instructions: most that are made
    from one set of labels of an image, drawn by seed. everyday: whether they name everyday nouns only
    (scenes/assets/nouns.py); objects of other nouns are then objects without a name.
    """

    annotations: Path
    images: Path
    instructions: int = 4
    seed: int = 0
    everyday: bool = False

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "instructions")
        check_range(self, 0, math.inf, "seed")


def coco_samples(
    settings: CocoSettings,
    broken: BrokenRecords,
    source: str,
    path: Callable[[CocoImage], str],
    labelling: Labelling,
    *,
    boxes_only: bool = False,
    categories: Path | None = None,
) -> Iterator[Sample]:
    """Make the samples of every image. path: returns the path of an image in the folder.

    boxes_only, categories: as in ``read_coco``. Raises InvalidInputError for a file that is not of this form
    and for a missing image folder.
    """
    check_folder(settings.images)
    file = read_coco(settings.annotations, boxes_only=boxes_only, categories=categories)
    for image in file.images:
        for record, problem in image.problems:
            broken.add(settings.annotations, record, problem)
        try:
            name = path(image)
            photo = image_file(settings.images, name)
            sets = list(labelling(file, image, photo))
            if settings.everyday:
                sets = [everyday_labels(labels) for labels in sets]
        except InvalidInputError as error:
            broken.add(settings.annotations, image.record, error)
            continue
        template = Sample(
            image=name,
            read=photo.read,
            instruction="",
            phrases=(Phrase("", rle_masks((), *image.size, photo)),),
            boxes_only=boxes_only,
            record=image.record,
            source=source,
        )
        for number, labels in enumerate(sets):
            yield from noun_samples(labels, template, settings.instructions, settings.seed + number)
    for record, problem in file.problems:
        broken.add(settings.annotations, record, problem)


def noun_labels(
    file: CocoFile, image: CocoImage, photo: ImageFile, *, incomplete: set[int], absent: set[int]
) -> NounLabels:
    """Return the labels of an image. Raises InvalidInputError for a file that is no image.

    incomplete, absent: categories of which not every object is annotated, and of which there is none. A noun
    of several categories is completely annotated or absent where all of them are.
    """
    found = {each.category for each in image.objects}
    unclear = (incomplete | image.unclear) & file.nouns.keys()
    certain = (found | absent) - unclear
    present = {file.nouns[category] for category in found | unclear}
    exhaustive = {noun for noun in present if file.categories[noun] <= certain}
    none = {file.nouns[category] for category in absent & file.nouns.keys()} - present
    objects = [(file.nouns[each.category], each) for each in image.objects]
    return NounLabels(
        entities=entities(image, photo, [(noun, each) for noun, each in objects if noun in exhaustive]),
        exhaustive=frozenset(exhaustive),
        absent=frozenset(noun for noun in none if file.categories[noun] <= absent),
        ambiguous=frozenset(present - exhaustive),
        others=entities(image, photo, [(noun, each) for noun, each in objects if noun not in exhaustive]),
        classes=frozenset(file.nouns.values()),
    )


def federated_labels(file: CocoFile, image: CocoImage, photo: ImageFile) -> NounLabels:
    """Return the labels of an image of LVIS, which names the categories that are absent or incomplete.

    Raises InvalidInputError as ``noun_labels``, and for lists that are none.
    """
    incomplete, absent = image.ids("not_exhaustive_category_ids"), image.ids("neg_category_ids")
    return noun_labels(file, image, photo, incomplete=incomplete, absent=absent)


def entities(
    image: CocoImage, photo: ImageFile, objects: Iterable[tuple[str, CocoObject]]
) -> tuple[Entity, ...]:
    """Return objects under the given nouns; without spans in an image that its EXIF orientation turns.

    Raises InvalidInputError for a file that is no image.
    """
    width, is_turned = image.size[1], photo.is_turned()
    found = []
    for noun, each in objects:
        left, _, across, _ = (float(value) for value in mask_api().toBbox(each.rle))
        span = None if is_turned else (left / width, (left + across) / width)
        found.append(Entity(noun, rle_masks((each.rle,), *image.size, photo), span))
    return tuple(found)
