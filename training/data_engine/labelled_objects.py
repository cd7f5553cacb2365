"""Objects with a noun and a mask, from the samples of any reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Masks, Phrase


@dataclass(frozen=True)
class LabelledObject:
    """An object. masks: reads bool [m, H, W], of which it is number ``place``. alone: whether its noun means
    no other object of the image for certain.
    """

    noun: str
    masks: Masks
    place: int
    alone: bool

    def mask(self) -> NDArray[np.bool_]:
        """Read its mask, bool [H, W]. Raises InvalidInputError."""
        return np.asarray(self.masks()[self.place], bool)


@dataclass(frozen=True)
class LabelledImage:
    """An image of a data set and its objects. read: RGB uint8 [H, W, 3]; raises InvalidInputError."""

    name: str
    read: Callable[[], NDArray[np.uint8]]
    objects: tuple[LabelledObject, ...]


def labelled_images(sets: Sequence[DataSet], broken: BrokenRecords) -> Iterator[LabelledImage]:
    """Read the objects of all images: those that the set labels with nouns, or else the instances of the
    phrases of its samples. Images without any are left out.
    """
    for data_set in sets:
        for name, group in groupby(data_set.read(broken), lambda sample: sample.image):
            samples = [sample for sample in group if not sample.boxes_only]
            labels = next((sample.nouns for sample in samples if sample.nouns), None)
            if labels:
                entities = [each for each in labels.entities if each.noun not in labels.ambiguous]
                nouns = [each.noun for each in entities]
                objects = [
                    LabelledObject(
                        each.noun,
                        each.masks,
                        0,
                        each.noun in labels.exhaustive and nouns.count(each.noun) == 1,
                    )
                    for each in entities
                ]
            else:
                phrases = {phrase.text: phrase for sample in samples for phrase in sample.phrases}
                objects = [each for phrase in phrases.values() for each in _instances(phrase)]
            if objects:
                yield LabelledImage(name, samples[0].read, tuple(objects))


def _instances(phrase: Phrase) -> Iterator[LabelledObject]:
    count = len(phrase.masks())
    for place in range(count):
        yield LabelledObject(phrase.text, phrase.masks, place, count == 1)
