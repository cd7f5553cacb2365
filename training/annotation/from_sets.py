"""An annotation folder from the images and masks of data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.annotation.items import ItemWriter
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_source
from instructsam_ros.training.data_engine.labelled_objects import labelled_images


def write_folder(sets: Path, folder: Path) -> int:
    """Write an item for each image of ``sets`` (YAML) with all its objects; return how many.

    Raises InvalidInputError for a folder that has items and for sets without objects.
    """
    writer, broken = ItemWriter(folder), BrokenRecords()
    for image in labelled_images(parse_source(sets, []), broken):
        try:
            masks = np.stack([each.mask() for each in image.objects])
            seen = np.flatnonzero(masks.any((1, 2)))
            nouns = [image.objects[place].noun for place in seen]
            writer.add(image.name, image.read(), masks[seen], nouns)
        except InvalidInputError as error:
            broken.add(sets, image.name, error)
    count = writer.finish()
    if not count:
        raise InvalidInputError(f"no image of {sets} has an object with a mask; {broken.summary()}")
    return count
