"""Samples, or images, of several data sets in one order that depends on the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Sample

T = TypeVar("T")


class Mixture(Generic[T]):
    """An endless sequence of samples; position p is the same in every run with the same seed.

    Every epoch visits the samples of a set ``weight`` times, of the fraction of a weight a new draw of the
    samples, in an order drawn from (seed, epoch).
    """

    def __init__(self, sets: Sequence[tuple[Sequence[T], float]], seed: int) -> None:
        """sets: samples and weight of each. Raises InvalidInputError for sets without samples."""
        self.sets, self.seed = sets, seed
        self.size = sum(round(len(samples) * weight) for samples, weight in sets)
        """Positions of one epoch."""
        if not self.size:
            raise InvalidInputError("there is no instruction in the data sets")
        self._order = lru_cache(2)(self._draw)

    def __getitem__(self, position: int) -> T:
        """Return the sample at a position from 0 on."""
        epoch, place = divmod(position, self.size)
        number, index = self._order(epoch)[place]
        drawn: T = self.sets[number][0][index]
        return drawn

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """Set and sample of every position of an epoch, [size, 2]."""
        rng = np.random.default_rng((self.seed, 1 << 20, epoch))
        rows = []
        for number, (samples, weight) in enumerate(self.sets):
            count = round(len(samples) * weight)
            whole, rest = divmod(count, len(samples)) if samples else (0, 0)
            drawn = rng.choice(len(samples), rest, replace=False) if rest else np.zeros(0, np.int64)
            indices = np.concatenate([np.tile(np.arange(len(samples)), whole), drawn])
            rows.append(np.stack([np.full(count, number), indices], 1))
        together: NDArray[np.int64] = np.concatenate(rows).astype(np.int64)
        return together[rng.permutation(len(together))]


def read_mixture(sets: Sequence[DataSet], seed: int) -> Mixture[Sample]:
    """Read all samples of the sets, without images and masks. Raises InvalidInputError as readers do."""
    return Mixture([(read_all(each, BrokenRecords()), each.weight) for each in sets], seed)


def read_all(data: DataSet, broken: BrokenRecords) -> list[Sample]:
    """Read all samples of a set with a progress bar. Raises InvalidInputError as readers do."""
    return list(tqdm(data.read(broken), desc=f"read {data.format}", unit="sample", leave=False))
