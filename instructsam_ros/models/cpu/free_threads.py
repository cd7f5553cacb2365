"""As many torch threads as other processes leave cores free."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

INTERVAL = 1.0
"""Seconds between two looks at the processor's load."""
TICKS = os.sysconf("SC_CLK_TCK")
"""Ticks per second in /proc/stat."""


class FreeThreads:
    """Number of torch threads of the calling thread, by the load that other processes make.

    OpenMP shares the work in equal parts and waits for all: where another process holds one of two cores, two
    threads take longer than one. No state but the last look, so threads may share an object.
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._most = torch.get_num_threads()
        self._seen = (time.monotonic(), *self._busy_seconds())
        self._threads = self._most

    def apply(self) -> None:
        """Set torch's threads for the calling thread, up to those that torch had at first."""
        if time.monotonic() - self._seen[0] >= INTERVAL:
            self._look()
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)

    def _look(self) -> None:
        before, now = self._seen, (time.monotonic(), *self._busy_seconds())
        self._seen = now
        others = ((now[1] - before[1]) - (now[2] - before[2])) / (now[0] - before[0])
        free = len(os.sched_getaffinity(0)) - max(others, 0.0)
        self._threads = min(max(round(free), 1), self._most)

    def _busy_seconds(self) -> tuple[float, float]:
        """Return the seconds that our cores have worked, and those for this process; 0 without Linux."""
        try:
            lines = self._stat.read_text().splitlines()
        except OSError:
            return 0.0, 0.0
        cores = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        ticks = 0
        for line in lines:
            name, *values = line.split()
            if name in cores:
                user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, values[:8])
                ticks += user + nice + system + irq + softirq + steal
        return ticks / TICKS, time.process_time()
