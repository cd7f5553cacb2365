"""Limits on what a conversation may cost, counted over threads."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from instructsam_ros.errors import BudgetError
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Budget:
    """Most calls (repeated ones count again), seconds of wall time, and tokens of requests and replies."""

    calls: int = 100
    seconds: float = 300.0
    tokens: int = 1_000_000

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "calls", "tokens")
        check_range(self, 0.0, math.inf, "seconds")


class Spending:
    """What of a budget is used; the time runs from the beginning of the object."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.calls = self.tokens = 0
        self._start = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds used."""
        return time.monotonic() - self._start

    @property
    def seconds_left(self) -> float:
        """Seconds until the end, 0 behind it."""
        return max(0.0, self.budget.seconds - self.seconds)

    @property
    def tokens_left(self) -> int:
        """Tokens until the end, 0 behind it."""
        return max(0, self.budget.tokens - self.tokens)

    def begin_call(self) -> None:
        """Count a call. Raises BudgetError when calls, seconds or tokens are used up."""
        self.check()
        with self._lock:
            if self.calls >= self.budget.calls:
                raise BudgetError(f"all {self.budget.calls} calls of the budget are used{_ADVICE}")
            self.calls += 1

    def check(self) -> None:
        """Raise BudgetError when seconds or tokens are used up."""
        if not self.seconds_left:
            raise BudgetError(f"all {self.budget.seconds:g} s of the budget are used{_ADVICE}")
        if not self.tokens_left:
            raise BudgetError(f"all {self.budget.tokens} tokens of the budget are used{_ADVICE}")

    def add_tokens(self, count: int) -> None:
        """Count the tokens of a call."""
        with self._lock:
            self.tokens += count


_ADVICE = " before there was an answer; raise it, or ask for less"
