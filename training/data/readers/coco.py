"""Reader of COCO instance annotations (arXiv 1405.0312, section 4) and files of their form.

Every object of every category is annotated, alone or in a crowd (``iscrowd``), so that a category without an
annotation is absent. Crowds are no instances: no instruction names their category. Images with LVIS's lists
of absent and of incomplete categories, as ``instructsam data convert`` writes them, are read as LVIS's are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.annotation_file import CocoFile, CocoImage
from instructsam_ros.training.data.coco.labels import (
    CocoSettings,
    coco_samples,
    federated_labels,
    noun_labels,
)
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import NounLabels
from instructsam_ros.training.data.sample import Sample

LISTS = {"neg_category_ids", "not_exhaustive_category_ids"}


@dataclass(frozen=True)
class Settings(CocoSettings):
    """annotations: ``instances_train2017.json``. images: ``train2017``. See CocoSettings."""


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, image by image. Raises InvalidInputError for a file that is not of this form."""
    return coco_samples(settings, broken, "coco", lambda image: image.text("file_name"), _labels)


def _labels(file: CocoFile, image: CocoImage, photo: ImageFile) -> Iterator[NounLabels]:
    if LISTS & image.entry.keys():
        yield federated_labels(file, image, photo)
    else:
        yield noun_labels(file, image, photo, incomplete=set(), absent=set(file.nouns))
