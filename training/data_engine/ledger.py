"""What calls have cost and may still cost, over all runs into one folder, and how fast they may follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from instructsam_ros.errors import BudgetError
from instructsam_ros.training.data_engine.journal import Record
from instructsam_ros.training.data_engine.settings import Limits, Prices, Usage


class Ledger:
    """Counts calls against limits; threads share an object.

    A call is reserved at the most that it can cost before it begins, so that calls under way together do not
    pass the limits.
    """

    def __init__(self, limits: Limits, prices: Prices, spent: Usage) -> None:
        self.limits, self.prices = limits, prices
        self._spent, self._reserved = spent, Usage()
        self._next = time.monotonic()
        self._lock = threading.Lock()

    @property
    def spent(self) -> Usage:
        """All that is used, also by earlier runs."""
        return self._spent

    def reserve(self, request_tokens: int, reply_tokens: int) -> Usage:
        """Reserve a call and wait for its turn. Returns what ``settle`` gives back.

        Raises BudgetError where it might pass a limit.
        """
        most = self.usage(1, request_tokens, reply_tokens)
        with self._lock:
            after = self._spent + self._reserved + most
            for name in ("calls", "tokens", "money"):
                limit = getattr(self.limits, name)
                if getattr(after, name) > limit:
                    raise BudgetError(
                        f"the next call might pass limits.{name} of {limit:g} "
                        f"({getattr(self._spent, name):g} used); raise it and run again to continue"
                    )
            self._reserved += most
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + 60.0 / self.limits.calls_per_minute
        time.sleep(begin - now)
        return most

    def settle(self, reserved: Usage, used: Usage) -> None:
        """Replace a reservation by what the call has used."""
        with self._lock:
            self._reserved -= reserved
            self._spent += used

    def usage(self, calls: int, request_tokens: int, reply_tokens: int) -> Usage:
        """What calls of so many tokens come to."""
        return Usage(calls, request_tokens + reply_tokens, self.prices.cost(request_tokens, reply_tokens))


def spent_before(records: Iterable[Record]) -> Usage:
    """Sum up a journal. A call that began and of which no end is known counts as its record says."""
    used = Usage()
    under_way: dict[str, Usage] = {}
    for record in records:
        usage = Usage(record["calls"], record["tokens"], record["money"])
        if record["kind"] == "begin":
            used += under_way.pop(record["key"], Usage())
            under_way[record["key"]] = usage
        else:
            under_way.pop(record["key"], None)
            used += usage
    return sum(under_way.values(), used)


def interrupted(records: Iterable[Record]) -> int:
    """Count the calls that began and of which no end is known."""
    under_way: set[str] = set()
    for record in records:
        (under_way.add if record["kind"] == "begin" else under_way.discard)(record["key"])
    return len(under_way)
