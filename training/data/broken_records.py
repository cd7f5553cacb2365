"""Records that a reader cannot use: named, counted, skipped, and too many of them an error."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.sample import Sample

log = logging.getLogger(__name__)
ALWAYS_ALLOWED = 10
"""So many broken records stop no run, however small the set."""


class BrokenRecords:
    """Counts the broken records of one data set; ``problems`` keeps a line on each.

    max_share: of all records; more raise InvalidInputError with the first lines. The default is for training
    and evaluation, 1.0 for an inspection, which wants all of them.
    """

    def __init__(self, max_share: float = 0.05, shown: int = 20) -> None:
        self.max_share, self.shown = max_share, shown
        self.problems: list[str] = []
        self.usable = 0

    def add(self, file: object, record: object, reason: object) -> None:
        """Report one broken record. file: its file; record: its name or number there.

        Raises InvalidInputError where there are too many.
        """
        problem = f"{file}: {record}: {reason}"
        self.problems.append(problem)
        if len(self.problems) <= self.shown:
            log.warning("skipped a broken record: %s", problem)
        allowed = max(ALWAYS_ALLOWED, self.max_share * (self.usable + len(self.problems)))
        if len(self.problems) > allowed and self.max_share < 1:
            raise InvalidInputError(f"too many broken records, {self.summary()}")

    def reject(self, file: object, record: object, reason: object) -> None:
        """Report a sample that ``count`` passed on and that cannot be read after all."""
        self.usable -= 1
        self.add(file, record, reason)

    def count(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Pass samples on and count them as usable."""
        for sample in samples:
            self.usable += 1
            yield sample

    def summary(self) -> str:
        """Return the count and the first problems, one a line."""
        lines = [f"{len(self.problems)} broken besides {self.usable} usable:"]
        lines += [f"  {problem}" for problem in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"  and {len(self.problems) - self.shown} more")
        return "\n".join(lines)
