"""Reader of EgoObjects annotations (arXiv 2309.08816): the form of LVIS, with boxes in place of masks.

Objects have an ``instance_id``; those without a ``category_id`` have no noun and are left out. Images have a
``url``, whose last part is the name of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.annotation_file import CocoFile, CocoImage
from instructsam_ros.training.data.coco.labels import CocoSettings, coco_samples, federated_labels
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import NounLabels
from instructsam_ros.training.data.sample import Sample


@dataclass(frozen=True)
class Settings(CocoSettings):
    """annotations: the JSON file of a split. images: folder of the images. categories: JSON file with the
    categories, where they are not in annotations. See CocoSettings.
    """

    categories: Path | None = None


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, image by image. Raises InvalidInputError for a file that is not of this form."""
    return coco_samples(
        settings, broken, "egoobjects", _path, _labels, boxes_only=True, categories=settings.categories
    )


def _path(image: CocoImage) -> str:
    if "file_name" in image.entry:
        return image.text("file_name")
    return urlsplit(image.text("url")).path.rsplit("/", 1)[-1]


def _labels(file: CocoFile, image: CocoImage, photo: ImageFile) -> Iterator[NounLabels]:
    yield federated_labels(file, image, photo)
