"""Counts of what happened to frames and requests, for diagnostics."""

from __future__ import annotations

import threading
from collections import Counter

# Shown from the start, so that a zero can be told from a counter that does not exist.
NAMES = (
    *("received", "processed", "dropped", "stale", "preempted", "without_depth"),
    *("invalid_instruction", "invalid_input", "no_frame", "transform_failed", "timed_out", "cancelled"),
    *("refused", "not_active", "internal_error"),
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
        """A copy of all counts."""
        with self._lock:
            return dict(self._counts)
