"""Reader of PACO-LVIS and PACO-Ego4D (arXiv 2301.01795): the form of LVIS, with parts and attributes.

A part is a category of its own: "mug:handle" is a mug handle. Objects and parts have ``attribute_ids``, among
them colours, unless ``unknown_color`` is 1. "The red mug" needs the colours of all mugs, and is a mug of that
colour alone. In PACO-Ego4D some objects have a box and no mask; no instruction names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.annotation_file import CocoFile, CocoImage, CocoObject
from instructsam_ros.training.data.coco.labels import CocoSettings, coco_samples, entities, federated_labels
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import NounLabels
from instructsam_ros.training.data.sample import Sample

COLORS = ("black", "blue", "brown", "green", "grey", "orange", "pink", "purple", "red", "white", "yellow")
"""Names of colours; PACO has shades of them, as "light_blue"."""


@dataclass(frozen=True)
class Settings(CocoSettings):
    """annotations: ``paco_lvis_v1_train.json`` or ``paco_ego4d_v1_train.json``. images: folder with
    ``train2017`` and ``val2017``, or with the frames. See CocoSettings; as many instructions name a colour.
    """


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, image by image. Raises InvalidInputError for a file that is not of this form."""
    return coco_samples(settings, broken, "paco", lambda image: image.text("file_name"), _labels)


def _labels(file: CocoFile, image: CocoImage, photo: ImageFile) -> Iterator[NounLabels]:
    labels = federated_labels(file, image, photo)
    yield labels
    objects: dict[str, list[CocoObject]] = {}
    for each in image.objects:
        objects.setdefault(file.nouns[each.category], []).append(each)
    single: list[tuple[str, CocoObject]] = []
    several: set[str] = set()
    for noun in sorted(labels.exhaustive):
        colors = [_colors(file, each) for each in objects[noun]]
        if all(colors):
            for each, names in zip(objects[noun], colors, strict=True):
                if len(names) == 1:
                    single.append((f"{names[0]} {noun}", each))
                else:
                    several.update(f"{name} {noun}" for name in names)
    yield NounLabels(
        entities=entities(image, photo, single),
        exhaustive=frozenset(noun for noun, _ in single),
        ambiguous=frozenset(several),
    )


def _colors(file: CocoFile, each: CocoObject) -> list[str]:
    """Names of the colours of an object; none where they are unknown."""
    names = [file.attributes.get(number, "") for number in sorted(each.attributes or ())]
    return [name for name in names if name.removeprefix("light ").removeprefix("dark ") in COLORS]
