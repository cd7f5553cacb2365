"""How long the stages of recent answers took."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping

import numpy as np

RECENT = 200
"""Number of answers that percentiles are taken over."""


class StageTimes:
    """Seconds per stage of the last answers on the stream; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add the seconds of one answer, by stage."""
        with self._lock:
            for stage, value in seconds.items():
                self._seconds[stage].append(value)

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Compute median and 95th percentile in seconds by stage, in the order in which stages came."""
        with self._lock:
            recent = {stage: list(values) for stage, values in self._seconds.items()}
        return {
            stage: (float(np.percentile(values, 50)), float(np.percentile(values, 95)))
            for stage, values in recent.items()
        }
