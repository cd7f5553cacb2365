"""A value that is computed when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls ``make`` at the first call, in whichever thread comes first, and keeps the result.

    An exception reaches the caller and is not kept: the next call tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        """The value."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
        return self._made[0]

    @property
    def made(self) -> T | None:
        """The value if it is there already."""
        return self._made[0] if self._made else None

    def offer(self, value: T) -> None:
        """Spare the work of making a value that came about in another way; the first one stays."""
        with self._lock:
            if not self._made:
                self._made.append(value)
