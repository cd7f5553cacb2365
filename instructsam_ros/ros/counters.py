"""Counts of what happened to frames and requests, for diagnostics."""

from __future__ import annotations

import threading
from collections import Counter, deque

# Shown from the start, so that a zero differs from a counter that does not exist.
NAMES = (
    *("received", "processed", "dropped", "stale", "in_motion", "preempted", "without_depth"),
    *("invalid_instruction", "invalid_input", "no_frame", "transform_failed", "timed_out", "cancelled"),
    *("refused", "not_active", "internal_error", "invalid_prompt"),
)


class Counters:
    """Named counts; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(NAMES, 0))

    def add(self, name: str, amount: int = 1) -> None:
        """Count ``amount`` more of ``name``."""
        with self._lock:
            self._counts[name] += amount

    def snapshot(self) -> dict[str, int]:
        """Return a copy of all counts."""
        with self._lock:
            return dict(self._counts)


class Rates:
    """How fast counts grow, from snapshots taken now and then. Not thread-safe."""

    def __init__(self, names: dict[str, str], seconds: float) -> None:
        """names: counter -> name of its rate. seconds: how far back to look."""
        self._names = names
        self._seconds = seconds
        self._seen: deque[tuple[float, dict[str, int]]] = deque()

    def update(self, counts: dict[str, int], now: float) -> dict[str, float]:
        """Compute rates in 1/s since the snapshot of ``seconds`` ago, or the first one; 0 at first."""
        self._seen.append((now, counts))
        while len(self._seen) > 2 and now - self._seen[1][0] >= self._seconds:
            self._seen.popleft()
        since, before = self._seen[0]
        elapsed = now - since
        return {
            name: (counts[counter] - before[counter]) / elapsed if elapsed > 0 else 0.0
            for counter, name in self._names.items()
        }
