"""The one form of a training or evaluation sample: an image, an instruction and the instances it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.types import CameraModel

if TYPE_CHECKING:
    from instructsam_ros.training.data.noun_instructions import NounLabels

Masks = Callable[[], NDArray[np.bool_]]
"""Reads masks, bool [m, H, W], upright as the image is. Raises InvalidInputError where they do not fit it."""

Depth = Callable[[], tuple[NDArray[np.float32], CameraModel]]
"""Reads depth in metres aligned to the image, [H, W] with NaN for no reading, and its camera. Raises
InvalidInputError.
"""


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of the answer. masks: its instances; m = 0 for none."""

    text: str
    masks: Masks


@dataclass(frozen=True)
class LabelledObject:
    """An object of an image. id: its value in the id map. category, color: "" for unknown ones. is_box: only
    its box is known; its pixels in the id map are the ellipse in that box.
    """

    id: int
    category: str
    color: str
    is_box: bool = False


@dataclass(frozen=True)
class Grounding:
    """Labels of an image and an instruction beyond the answer, for auxiliary losses.

    id_map: integer [H, W], 0 is background. objects: all that instructions can name. targets, phrase_ids:
    ids of the answer, and of what its phrase names before any relation. mentions: noun phrases of the
    instruction, verbatim, with the ids of their referents, none for an absent one. is_complete: whether all
    that is none of the objects is background; else nothing is known of it.
    """

    id_map: NDArray[np.uint8]
    objects: tuple[LabelledObject, ...]
    targets: tuple[int, ...]
    phrase_ids: tuple[int, ...]
    mentions: tuple[tuple[str, tuple[int, ...]], ...]
    has_absent_referent: bool
    is_complete: bool = True


@dataclass(frozen=True)
class Sample:
    """One instruction about one image.

    image: name of the image, which samples on the same image share and follow each other with. read: reads
    it, RGB uint8 [H, W, 3]; raises InvalidInputError. boxes_only: the masks are filled boxes. ignore: one
    mask [1, H, W] of pixels that count neither way. record: where it stands in its file, for messages.
    source: the data set; split: its part. labels: what metrics are broken down by (level, cardinality ...).
    nouns: labels of the whole image, where the data set has nouns and no instructions of its own. depth: of
    the image, where the data set has some. meaning: of the instructions about an image, those of one meaning
    have the same instances; "" for one that shares them with none.
    """

    image: str
    read: Callable[[], NDArray[np.uint8]]
    instruction: str
    phrases: tuple[Phrase, ...]
    boxes_only: bool = False
    ignore: Masks | None = None
    record: str = ""
    source: str = ""
    split: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    grounding: Grounding | None = None
    nouns: NounLabels | None = None
    depth: Depth | None = None
    meaning: str = ""

    def masks(self) -> NDArray[np.bool_]:
        """Read the instances of all phrases, bool [m, H, W].

        Raises InvalidInputError for damaged masks, and ValueError for a sample without phrases.
        """
        return np.concatenate([phrase.masks() for phrase in self.phrases])


def cardinality(targets: int) -> str:
    """Return the label of an instruction with so many targets: none, one or many."""
    return "none" if not targets else "one" if targets == 1 else "many"


def as_phrase(instruction: str) -> str:
    """Return the phrase of the answer where an annotation holds the instruction only.

    It is the instruction as the released training writes it: first letter small, no full stop.
    """
    text = instruction.strip().removesuffix(".") or instruction
    return text[:1].lower() + text[1:]
