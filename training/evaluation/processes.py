"""Evaluation by several processes (``accelerate launch``, ``torchrun``), each on images of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

from accelerate.utils import gather_object

from instructsam_ros.training.data.sample import Sample

T = TypeVar("T")


def own_share(samples: Iterable[Sample], process: int, processes: int) -> Iterator[tuple[int, Sample]]:
    """Iterate over positions and samples of every ``processes``-th image, from image ``process`` on.

    Shares are disjoint and together hold every sample once: nothing is padded to equal lengths.
    """
    images = itertools.groupby(enumerate(samples), key=lambda pair: (pair[1].source, pair[1].image))
    for number, (_, group) in enumerate(images):
        if number % processes == process:
            yield from group


def gathered(items: list[T], processes: int) -> list[T]:
    """Collect the items of all ``processes``, which must all call this, in their order."""
    if processes == 1:
        return items
    collected: list[T] = gather_object(items)
    return collected
