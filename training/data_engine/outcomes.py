"""What became of the items of an engine: records, what was dropped and why, what waits for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["done", "parked", "failed"]


@dataclass(frozen=True)
class Dropped:
    """A part of an item that was left out. stage: that left it out; reason: a short key."""

    text: str
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    """item: its name. state: "parked" where the model gave no usable replies; "failed" where it gave none,
    which another run may change. records: JSON objects for the writer of the engine.
    """

    item: str
    state: State = "done"
    records: tuple[dict[str, Any], ...] = ()
    dropped: tuple[Dropped, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """The inverse of ``to_json``."""
        return cls(
            data["item"],
            data["state"],
            tuple(data["records"]),
            tuple(Dropped(**each) for each in data["dropped"]),
            data["problem"],
        )


def report(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Count records and reasons, and list all that was left out, for report.json."""
    outcomes = list(outcomes)
    reasons = Counter(f"{each.stage}: {each.reason}" for outcome in outcomes for each in outcome.dropped)
    return {
        "items": len(outcomes),
        "states": dict(Counter(outcome.state for outcome in outcomes)),
        "records": sum(len(outcome.records) for outcome in outcomes),
        "reasons": dict(reasons.most_common()),
        "dropped": [{"item": o.item, **asdict(each)} for o in outcomes for each in o.dropped],
        "left": [
            {"item": o.item, "state": o.state, "problem": o.problem} for o in outcomes if o.state != "done"
        ],
    }
