"""Which batches a process takes."""

from __future__ import annotations

from collections.abc import Iterator

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
