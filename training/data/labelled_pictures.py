"""Photographs with the nouns of their objects, and what follows from these after a change of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.catalogue import MIXED
from instructsam_ros.scenes.assets.nouns import covered_nouns, everyday_nouns, noun_of
from instructsam_ros.scenes.instructions.color_names import ANY_COLOR, measured_colors
from instructsam_ros.scenes.instructions.pictures import Names, PictureFacts, PictureObject
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels
from instructsam_ros.training.data.plurals import plural
from instructsam_ros.training.data.sample import LabelledObject, Sample

MAX_OBJECTS = 199
"""Ids of an id map that are left for objects; larger ones are occluders of rendered views."""
LONGEST_SIDE = 640
"""Photographs are kept no larger, in pixels."""
CLEAR_AREA, CLEAR_UTENSIL_AREA = 0.0013, 0.0007
"""Least shares of the picture of what instructions may be about, as in rendered views."""
LEAST_VISIBLE = 0.4
"""Least visible share of such an object."""
MIN_COLORED = 40
"""Pixels of an object, inside its edge, from which its colour is measured."""

GRAY_RANGE = 10
"""Least difference of the channels at half the pixels of a photograph in colour, of 255."""


@dataclass(frozen=True)
class PictureLabel:
    """An object. noun: its everyday noun, or the data set's. perhaps: nouns that may be said of it, too,
    because the data set does not tell them apart. is_coarse: whether some of them are narrower. pixels: what
    it would have in a whole picture of this size, from which its visible share follows.
    """

    id: int
    noun: str
    perhaps: frozenset[str]
    is_coarse: bool
    is_box: bool
    pixels: float


@dataclass(frozen=True)
class LabelledPicture:
    """A photograph. rgb: uint8 [H, W, 3]. id_map: uint8 [H, W], 0 for what has no label. covered: nouns every
    object of which has a label.
    """

    rgb: NDArray[np.uint8]
    id_map: NDArray[np.uint8]
    labels: tuple[PictureLabel, ...]
    covered: frozenset[str]

    def facts(self) -> PictureFacts:
        """Return what instructions can be about; colours are measured in the picture."""
        found = tuple(self._objects())
        names: dict[str, Names] = {
            noun: ((noun, plural(noun)),)
            for noun in {*self.covered, *(label.noun for label in self.labels)}
            if noun not in everyday_nouns()
        }
        height, width = self.id_map.shape
        return PictureFacts(found, self.covered, names, height / width)

    def labelled_objects(self, facts: PictureFacts) -> tuple[LabelledObject, ...]:
        """Return the objects of the picture for the losses, those without a pixel left out."""
        found = []
        for label in self.labels:
            if label.id in facts.objects:
                color = facts.objects[label.id].color
                known = label.noun in everyday_nouns() and not label.is_coarse
                found.append(
                    LabelledObject(
                        label.id,
                        label.noun if known else "",
                        "" if color == MIXED else color,
                        is_box=label.is_box,
                    )
                )
        return tuple(found)

    def _objects(self) -> Iterator[PictureObject]:
        height, width = self.id_map.shape
        is_gray = bool(np.median(np.ptp(self.rgb[::4, ::4], axis=2)) < GRAY_RANGE)
        for label in self.labels:
            mask = self.id_map == label.id
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if not len(rows):
                continue
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            inner = mask[top:bottom, left:right]
            pixels = int(inner.sum())
            visible = min(1.0, pixels / max(label.pixels, 1.0))
            share = pixels / mask.size
            everyday = everyday_nouns().get(label.noun)
            enough = CLEAR_UTENSIL_AREA if everyday and "utensil" in everyday.kinds else CLEAR_AREA
            is_clear = bool(share >= enough and visible >= LEAST_VISIBLE)
            color, colors = MIXED, ANY_COLOR
            if is_clear and not label.is_box and not is_gray:
                core = cv2.erode(inner.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
                if core.sum() >= MIN_COLORED:
                    color, colors = measured_colors(self.rgb[top:bottom, left:right][core])
            yield PictureObject(
                id=label.id,
                noun=label.noun,
                perhaps=label.perhaps,
                box=(left / width, top / height, right / width, bottom / height),
                area=share,
                color=color,
                colors=colors,
                seen=1 if is_clear else None,
                visible=visible,
                is_cut=bool(left == 0 or top == 0 or right == width or bottom == height),
            )


def read_picture(sample: Sample, labels: NounLabels) -> LabelledPicture:
    """Read a photograph and the masks of its labels; of overlapping ones the smaller owns the pixels.

    Raises InvalidInputError for an unreadable image or mask.
    """
    rgb = sample.read()
    size = _reduced(rgb.shape[1], rgb.shape[0])
    found = [
        (entity, _placed(entity, size, sample.boxes_only)) for entity in (*labels.entities, *labels.others)
    ]
    found.sort(key=lambda pair: -int(pair[1].sum()))
    id_map = np.zeros(size[::-1], np.uint8)
    for number, (_, mask) in enumerate(found[:MAX_OBJECTS], 1):
        id_map[mask] = number
    seen = np.bincount(id_map.ravel(), minlength=len(found) + 1)
    classes = frozenset(noun_of(name) or name for name in _class_names(labels))
    nouns = [noun_of(entity.noun) or entity.noun for entity, _ in found]
    hidden = {noun for number, noun in enumerate(nouns, 1) if number > MAX_OBJECTS or not seen[number]}
    return LabelledPicture(
        rgb=cv2.resize(rgb, size, interpolation=cv2.INTER_AREA),
        id_map=id_map,
        labels=tuple(
            _label(number, noun, classes, sample.boxes_only, float(seen[number]))
            for number, noun in enumerate(nouns[:MAX_OBJECTS], 1)
            if seen[number]
        ),
        covered=_covered(labels, classes) - hidden,
    )


def _class_names(labels: NounLabels) -> frozenset[str]:
    nouns = (entity.noun for entity in labels.entities)
    return labels.classes | labels.exhaustive | labels.absent | labels.ambiguous | frozenset(nouns)


def _covered(labels: NounLabels, classes: frozenset[str]) -> frozenset[str]:
    """Nouns every object of which has a label. A narrower noun with labels of its own speaks for itself."""
    complete = frozenset(noun_of(name) or name for name in (labels.exhaustive | labels.absent))
    complete -= {noun_of(name) or name for name in labels.ambiguous}
    return complete | (covered_nouns(complete) - classes)


def _label(number: int, noun: str, classes: frozenset[str], is_box: bool, pixels: float) -> PictureLabel:
    everyday = everyday_nouns()
    perhaps = everyday[noun].confusable - classes if noun in everyday else frozenset[str]()
    is_coarse = any(noun in everyday[other].broader for other in perhaps)
    return PictureLabel(number, noun, perhaps, is_coarse, is_box, pixels)


def _placed(entity: Entity, size: tuple[int, int], is_box: bool) -> NDArray[np.bool_]:
    """The mask of an object at a size (width, height), of a box the ellipse in it."""
    mask = entity.masks()[0].astype(np.uint8)
    if is_box:
        left, top, width, height = cv2.boundingRect(mask)
        mask[:] = 0
        centre = (left + (width - 1) / 2, top + (height - 1) / 2)
        cv2.ellipse(mask, (centre, (float(width), float(height)), 0.0), 1, -1)
    if mask.shape[::-1] != size:
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    placed: NDArray[np.bool_] = mask > 0
    return placed


def _reduced(width: int, height: int) -> tuple[int, int]:
    factor = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))
