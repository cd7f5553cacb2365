"""Which batches a process takes, and which samples are in a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch


class BatchRange(torch.utils.data.Sampler[int]):
    """One process's batches of the steps first..last-1, in order; a resumed run starts where it stopped.

    Every step takes ``per_step`` batches, one by one shared out among the processes.
    """

    def __init__(
        self, first: int, last: int, per_step: int = 1, process: int = 0, processes: int = 1
    ) -> None:
        self.batches = range(first * per_step + process, last * per_step, processes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class LengthGroups:
    """Positions of a mixture by batch, such that the samples of a batch have about as many tokens.

    Within windows of ``window`` batches, positions are sorted by length and cut into batches, which then come
    in an order drawn from (seed, window). The positions of a batch depend on nothing else, so a resumed run
    takes the same.
    """

    def __init__(self, length: Callable[[int], int], size: int, seed: int, window: int = 32) -> None:
        """length: of the sample at a position. size: samples of a batch."""
        self.length, self.size, self.seed, self.window = length, size, seed, window
        self._batches = lru_cache(2)(self._sort)

    def __call__(self, index: int) -> Sequence[int]:
        """Return the positions of batch ``index``."""
        number, place = divmod(index, self.window)
        positions: Sequence[int] = self._batches(number)[place]
        return positions

    def _sort(self, number: int) -> list[list[int]]:
        count = self.window * self.size
        by_length = sorted(range(number * count, (number + 1) * count), key=self.length)
        order = np.random.default_rng((self.seed, 1 << 21, number)).permutation(self.window)
        return [by_length[place * self.size : (place + 1) * self.size] for place in order]
