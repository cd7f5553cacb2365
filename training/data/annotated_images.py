"""Training samples from annotated images of any format, in the form of those from rendered views."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions import flip
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mixture import read_all
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Grounding, LabelledObject, Sample

MAX_OBJECTS = 199
"""Ids of an id map that are left for objects; larger ones are occluders of rendered views."""
CACHED = 512
"""Images kept at the model's size, at most; one of 384x288 takes 0.4 MB."""


@dataclass(frozen=True)
class GroundedImage:
    """An image at the model's size. rgb: uint8 [h, w, 3]. id_map: uint8 [h, w]. ids: targets per sample."""

    rgb: NDArray[np.uint8]
    id_map: NDArray[np.uint8]
    objects: tuple[LabelledObject, ...]
    ids: tuple[tuple[int, ...], ...]


class AnnotatedImages:
    """Draws images of data sets and instructions about each, resized as the model resizes a camera's.

    broken: counts images that cannot be read; the next image of the order takes the place of such a one.
    Raises InvalidInputError for sets without instructions, and where too many images cannot be read.
    """

    def __init__(
        self, sets: Sequence[DataSet], size: tuple[int, int], instructions: int, mirror: float, seed: int
    ) -> None:
        """size: width and height of the model's input. instructions: of each image. mirror: a probability."""
        self.size, self.instructions, self.mirror, self.seed = size, instructions, mirror, seed
        self.broken = BrokenRecords()
        groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for each in sets:
            for sample in read_all(each, self.broken):
                groups[sample.source, sample.image].append(sample)
        self.images = list(groups.values())
        if not self.images:
            raise InvalidInputError("there is no instruction in data.sets")
        self._load: Callable[[int], GroundedImage] = lru_cache(CACHED)(self._read)

    def draw(self, first: int, count: int, rng: np.random.Generator) -> list[list[Sample]]:
        """Return samples of ``count`` images, from position ``first`` of the endless order on."""
        return [self._samples(position, rng) for position in range(first, first + count)]

    def _samples(self, position: int, rng: np.random.Generator) -> list[Sample]:
        epoch, place = divmod(position, len(self.images))
        order = np.random.default_rng((self.seed, 2 << 20, epoch)).permutation(len(self.images))
        for offset in range(len(order)):
            index = int(order[(place + offset) % len(order)])
            try:
                image = self._load(index)
            except InvalidInputError as error:
                sample = self.images[index][0]
                self.broken.add(sample.source, sample.record or sample.image, error)
                continue
            group = self.images[index]
            picked = rng.choice(len(group), self.instructions, replace=len(group) < self.instructions)
            mirrored = bool(rng.random() < self.mirror)
            return [grounded(group, image, number, mirrored) for number in picked.tolist()]
        raise InvalidInputError(f"no image of data.sets can be read, {self.broken.summary()}")

    def _read(self, index: int) -> GroundedImage:
        return ground(self.images[index], self.size)


def ground(group: Sequence[Sample], size: tuple[int, int]) -> GroundedImage:
    """Find the distinct instances of all samples on one image. size: width and height to resize to.

    Of overlapping instances the smaller one owns the pixels. An object has a category where a phrase is the
    name of one in the catalogue. Raises InvalidInputError for an unreadable image or mask.
    """
    rgb = cv2.resize(group[0].read(), size, interpolation=cv2.INTER_AREA)
    masks: list[NDArray[np.bool_]] = []
    names: list[str] = []
    number_of: dict[bytes, int] = {}
    rows: list[list[int]] = []
    for sample in group:
        rows.append([])
        for phrase in sample.phrases:
            for mask in phrase.masks():
                small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
                number = number_of.setdefault(np.packbits(small).tobytes(), len(masks))
                if number == len(masks):
                    masks.append(small)
                    names.append("")
                names[number] = names[number] or _category(phrase.text)
                rows[-1].append(number)
    by_area = sorted(range(len(masks)), key=lambda number: -int(masks[number].sum()))[:MAX_OBJECTS]
    id_of = {number: place for place, number in enumerate(by_area, 1)}
    id_map = np.zeros(size[::-1], np.uint8)
    for number in by_area:
        id_map[masks[number]] = id_of[number]
    return GroundedImage(
        rgb=np.ascontiguousarray(rgb),
        id_map=id_map,
        objects=tuple(LabelledObject(id_of[number], names[number], "") for number in by_area),
        ids=tuple(tuple(sorted({id_of[n] for n in numbers if n in id_of})) for numbers in rows),
    )


def grounded(group: Sequence[Sample], image: GroundedImage, number: int, mirrored: bool) -> Sample:
    """Return a sample of a group with its image at the model's size and its grounding."""
    sample, targets = group[number], image.ids[number]
    phrase = sample.phrases[0].text
    same_phrase = [
        ids for other, ids in zip(group, image.ids, strict=True) if other.phrases[0].text == phrase
    ]
    phrase_ids = tuple(sorted(set().union(*same_phrase)))
    text = flip(sample.instruction) if mirrored else sample.instruction
    step = -1 if mirrored else 1
    rgb, id_map = image.rgb[:, ::step], image.id_map[:, ::step]
    return dataclasses.replace(
        sample,
        read=lambda: rgb,
        instruction=text,
        grounding=Grounding(
            id_map=id_map,
            objects=image.objects,
            targets=targets,
            phrase_ids=phrase_ids,
            mentions=((phrase, phrase_ids),),
            has_absent_referent=not phrase_ids,
        ),
    )


def _category(phrase: str) -> str:
    """The category of the catalogue that a phrase is the name of, or "" for another noun."""
    words = phrase.lower().removeprefix("the ").removeprefix("all the ")
    return next((name for name, entry in CATALOGUE.items() if words in (name, entry.plural)), "")
