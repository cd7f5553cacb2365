"""Wall and processor time of named stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass
class Stopwatch:
    """Measures wall and processor seconds per stage.

    Processor seconds sum over all threads, and other load on the machine hardly affects them. With a GPU only
    the wall seconds are meaningful.
    """

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure one stage; repeated names add up."""
        wall, cpu = self._now()
        yield
        end_wall, end_cpu = self._now()
        self.wall[stage] = self.wall.get(stage, 0.0) + end_wall - wall
        self.cpu[stage] = self.cpu.get(stage, 0.0) + end_cpu - cpu

    @staticmethod
    def _now() -> tuple[float, float]:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()
