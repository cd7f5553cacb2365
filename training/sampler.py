"""Which batches a process takes."""

from __future__ import annotations

from collections.abc import Iterator

import torch


class BatchRange(torch.utils.data.Sampler[int]):
    """One process's batches of the steps first..last-1, in order; a resumed run starts where it stopped.

    Every step takes ``processes`` batches, one per process.
    """

    def __init__(self, first: int, last: int, process: int = 0, processes: int = 1) -> None:
        self.batches = range(first * processes + process, last * processes + process, processes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)
