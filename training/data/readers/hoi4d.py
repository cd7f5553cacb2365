"""Reader of HOI4D's 2D motion segmentation (arXiv 2203.01577): a colour-coded PNG per frame.

SEQUENCE/2Dseg/mask/00000.png or 2Dseg/shift_mask belongs to SEQUENCE/align_rgb/00000.jpg, as the authors'
script extracts it. A colour's place in the PASCAL VOC colour map is the number of a label, whose meaning for
the object category (the part C1 ... C20 of the sequence's path) is in label.csv. Two labels of one name are
two objects. Only what is moved is labelled, so no noun is exhaustive and none is absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.csv_files import Row, read_rows
from instructsam_ros.training.data.image_files import ImageFile, check_folder, image_file
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

LABELS = 6
"""Columns of labels in label.csv, which spells them "Lable 1" ... "Lable 6"."""


@dataclass(frozen=True)
class Settings:
    """annotations: the folder of sequences with masks. images: the same folder with extracted frames.

    labels: label.csv. every: use each so many-th frame. instructions: about each image, drawn by ``seed``.
    """

    annotations: Path
    images: Path
    labels: Path
    every: int = 15
    instructions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "every", "instructions")
        check_range(self, 0, math.inf, "seed")


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, sequence by sequence and frame by frame; the masks are read ahead for their colours.

    Raises InvalidInputError for missing folders, for another label.csv, and where there are no masks.
    """
    check_folder(settings.images)
    labels = read_labels(settings.labels)
    folders = sorted(
        folder for name in ("mask", "shift_mask") for folder in settings.annotations.glob(f"**/2Dseg/{name}")
    )
    if not folders:
        raise InvalidInputError(f"there is no folder 2Dseg/mask below {settings.annotations}")
    for folder in folders:
        sequence = folder.parent.parent.relative_to(settings.annotations)
        category = next((part for part in sequence.parts if re.fullmatch(r"C\d+", part)), "")
        if category not in labels:
            broken.add(folder, "the sequence", f"{settings.labels} has no category {category!r}")
            continue
        for path in sorted(folder.glob("*.png"))[:: settings.every]:
            try:
                image = image_file(settings.images, f"{sequence.as_posix()}/align_rgb/{path.stem}.jpg")
                mask = image_file(settings.annotations, path.relative_to(settings.annotations).as_posix())
                entities = tuple(_entities(mask, image, labels[category]))
            except InvalidInputError as error:
                broken.add(folder, path.name, error)
                continue
            template = Sample(
                image=image.path.relative_to(settings.images).as_posix(),
                read=image.read,
                instruction="",
                phrases=(Phrase("", image.no_masks),),
                record=path.relative_to(settings.annotations).as_posix(),
                source="hoi4d",
            )
            yield from noun_samples(NounLabels(entities), template, settings.instructions, settings.seed)


def read_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Read label.csv: nouns of the labels 1 ... 6 by category ID, "" for none.

    Raises InvalidInputError for another file.
    """
    expected = f"table with Category ID and Lable 1 to {LABELS}"
    return dict(read_rows(path, _category, expected))


def _category(row: Row) -> tuple[str, tuple[str, ...]]:
    nouns = (row[f"Lable {number}"].lower() for number in range(1, LABELS + 1))
    return row["Category ID"], tuple(nouns)


def voc_color(number: int) -> tuple[int, int, int]:
    """The colour of a label in PASCAL VOC's colour map: bits 0, 1 and 2 of the number, and every third bit
    on, are bits of red, green and blue, the highest first.
    """
    red, green, blue = (
        sum(((number >> (3 * place + channel)) & 1) << (7 - place) for place in range(3))
        for channel in range(3)
    )
    return red, green, blue


def _entities(mask: ImageFile, image: ImageFile, nouns: tuple[str, ...]) -> Iterator[Entity]:
    """The labelled objects of a frame. Raises InvalidInputError for a colour without a label."""
    colors = {voc_color(number): number for number in range(LABELS + 1)}
    for found in np.unique(mask.read().reshape(-1, 3), axis=0).tolist():
        number = colors.get(tuple(found))
        if number is None or (number and not nouns[number - 1]):
            raise InvalidInputError(f"the colour {tuple(found)} has no label in the category")
        if number:
            yield Entity(nouns[number - 1], partial(_read_mask, mask, image, number))


def _read_mask(mask: ImageFile, image: ImageFile, number: int) -> NDArray[np.bool_]:
    return image.upright((mask.read() == voc_color(number)).all(-1)[None])
