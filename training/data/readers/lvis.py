"""Reader of LVIS annotations (arXiv 1908.03195, section 3): the form of COCO, labelled category by category.

An image certainly has no object of its ``neg_category_ids``. Of its ``not_exhaustive_category_ids`` not every
object is annotated, and no instruction names them. Nothing is known of others without an annotation.
Images have a ``coco_url`` in place of a ``file_name``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.annotation_file import CocoFile, CocoImage
from instructsam_ros.training.data.coco.labels import CocoSettings, coco_samples, federated_labels
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import NounLabels
from instructsam_ros.training.data.sample import Sample


@dataclass(frozen=True)
class Settings(CocoSettings):
    """annotations: ``lvis_v1_train.json``. images: folder with ``train2017`` and ``val2017``.

    See CocoSettings.
    """


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, image by image. Raises InvalidInputError for a file that is not of this form."""
    return coco_samples(settings, broken, "lvis", _path, _labels)


def _path(image: CocoImage) -> str:
    if "file_name" in image.entry:
        return image.text("file_name")
    return "/".join(image.text("coco_url").split("/")[-2:])  # http://.../train2017/000000000001.jpg


def _labels(file: CocoFile, image: CocoImage, photo: ImageFile) -> Iterator[NounLabels]:
    yield federated_labels(file, image, photo)
