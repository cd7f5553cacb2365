"""The one form of a training or evaluation sample: an image, an instruction and the instances it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of the answer. masks: reads its instances, bool [m, H, W]; m = 0 for none."""

    text: str
    masks: Callable[[], NDArray[np.bool_]]


@dataclass(frozen=True)
class Sample:
    """One instruction about one image.

    image: name of the image, which samples on the same image share. read: reads it, RGB uint8 [H, W, 3].
    boxes_only: the masks are filled boxes. source: the data set; split: its part. labels: what metrics are
    broken down by (level, cardinality, kind ...).
    """

    image: str
    read: Callable[[], NDArray[np.uint8]]
    instruction: str
    phrases: tuple[Phrase, ...]
    boxes_only: bool = False
    source: str = ""
    split: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
