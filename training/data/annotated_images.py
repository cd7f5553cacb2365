"""Training samples from annotated images of any format, in the form of those from rendered views.

Images of data sets with labels but without instructions of their own (COCO, LVIS, VISOR ...) get new framings
and new instructions at every visit; of the others, the instructions are drawn.
"""

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
from instructsam_ros.scenes.assets.nouns import noun_of
from instructsam_ros.scenes.instructions import flip
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.labelled_pictures import MAX_OBJECTS, LabelledPicture, read_picture
from instructsam_ros.training.data.mixture import Mixture, read_all
from instructsam_ros.training.data.photographs import PictureSettings, picture_samples
from instructsam_ros.training.data.picture_changes import Cutout, cutouts, whole
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Grounding, LabelledObject, Sample

CACHED = 512
"""Images kept in memory, at most; a photograph of 640x480 takes 1.2 MB."""
CUTOUT_TRIES = 20
"""Photographs that are looked at for one object that can be cut out."""


@dataclass(frozen=True)
class GroundedImage:
    """An image at the model's size. rgb: uint8 [h, w, 3]. id_map: uint8 [h, w]. ids: targets per sample."""

    rgb: NDArray[np.uint8]
    id_map: NDArray[np.uint8]
    objects: tuple[LabelledObject, ...]
    ids: tuple[tuple[int, ...], ...]


class AnnotatedImages:
    """Draws images of data sets, each set as often as its weight says, and instructions about each.

    Images are resized as the model resizes a camera's.

    broken: counts images that cannot be read or that no instruction fits; the next image of the order takes
    the place of such a one. Raises InvalidInputError for sets without instructions, and where too many images
    cannot be read.
    """

    def __init__(self, sets: Sequence[DataSet], settings: PictureSettings, seed: int) -> None:
        self.settings = settings
        self.broken = BrokenRecords()
        self.groups: list[list[Sample]] = []
        """Samples of every image of all sets."""
        places = []
        for each in sets:
            first = len(self.groups)
            self.groups += self._groups(each)
            places.append((range(first, len(self.groups)), each.weight))
        if not self.groups:
            raise InvalidInputError("there is no instruction in data.sets")
        self.order = Mixture(places, seed)
        self.labelled = [place for place, group in enumerate(self.groups) if group[0].nouns]
        """Photographs with labels, from which objects can be cut out."""
        self._image: Callable[[int], GroundedImage | LabelledPicture] = lru_cache(CACHED)(self._read)

    def draw(self, first: int, count: int, rng: np.random.Generator) -> list[list[Sample]]:
        """Return samples of ``count`` images, from position ``first`` of the endless order on."""
        return [self._samples(position, rng) for position in range(first, first + count)]

    def cutouts(self, count: int, rng: np.random.Generator) -> list[Cutout]:
        """Cut up to ``count`` objects out of random photographs."""
        found: list[Cutout] = []
        for _ in range(CUTOUT_TRIES):
            if len(found) == count or not self.labelled:
                break
            try:
                image = self._image(self.labelled[int(rng.integers(len(self.labelled)))])
            except InvalidInputError:
                continue  # counted when it is drawn
            if isinstance(image, LabelledPicture) and (parts := cutouts(whole(image, self.settings.size))):
                found.append(parts[int(rng.integers(len(parts)))])
        return found

    def _groups(self, data: DataSet) -> list[list[Sample]]:
        groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for sample in read_all(data, self.broken):
            groups[sample.source, sample.image].append(sample)
        return list(groups.values())

    def _samples(self, position: int, rng: np.random.Generator) -> list[Sample]:
        epoch, place = divmod(position, self.order.size)
        for offset in range(self.order.size):
            number = self.order[epoch * self.order.size + (place + offset) % self.order.size]
            group = self.groups[number]
            try:
                image = self._image(number)
                if isinstance(image, LabelledPicture):
                    return picture_samples(image, group[0], self.settings, self.cutouts, rng)
            except InvalidInputError as error:
                self.broken.add(group[0].source, group[0].record or group[0].image, error)
                continue
            count = self.settings.instructions
            picked = rng.choice(len(group), count, replace=len(group) < count)
            mirrored = bool(rng.random() < self.settings.mirror)
            return [grounded(group, image, each, mirrored) for each in picked.tolist()]
        raise InvalidInputError(f"no image of data.sets can be read, {self.broken.summary()}")

    def _read(self, number: int) -> GroundedImage | LabelledPicture:
        group = self.groups[number]
        labels = group[0].nouns
        return read_picture(group[0], labels) if labels else ground(group, self.settings.size)


def ground(group: Sequence[Sample], size: tuple[int, int]) -> GroundedImage:
    """Find the distinct instances of all samples on one image. size: width and height to resize to.

    Of overlapping instances the smaller one owns the pixels. An object has a category where a phrase is the
    name of an everyday noun. Raises InvalidInputError for an unreadable image or mask.
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
        depth=None,
        instruction=text,
        grounding=Grounding(
            id_map=id_map,
            objects=image.objects,
            targets=targets,
            phrase_ids=phrase_ids,
            mentions=((phrase, phrase_ids),),
            has_absent_referent=not phrase_ids,
            is_complete=False,
        ),
    )


def _category(phrase: str) -> str:
    """The everyday noun that a phrase is the name of, or "" for another one."""
    return noun_of(phrase.lower().removeprefix("all ").removeprefix("the "))
