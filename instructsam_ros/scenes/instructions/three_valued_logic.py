"""Three-valued logic: 1 true, 0 false, None where a person could argue (Kleene's strong logic)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Truth = int | None
Selection = dict[int, Truth]
"""Truth per object id."""


def both(*values: Truth) -> Truth:
    """Conjunction: one false decides."""
    if 0 in values:
        return 0
    return None if None in values else 1


def either(*values: Truth) -> Truth:
    """Disjunction: one true decides."""
    if 1 in values:
        return 1
    return None if None in values else 0


def negated(value: Truth) -> Truth:
    """Negation: what is arguable stays arguable."""
    return None if value is None else 1 - value


def intersect(first: Selection, second: Mapping[int, Truth]) -> Selection:
    """Objects in both selections."""
    return {i: both(truth, second[i]) for i, truth in first.items()}


def unite(selections: Iterable[Selection]) -> Selection:
    """Objects in any of the selections."""
    listed = list(selections)
    return {i: either(*(selection[i] for selection in listed)) for i in listed[0]}


def subtract(first: Selection, second: Mapping[int, Truth]) -> Selection:
    """Objects of the first selection that are not in the second."""
    return {i: both(truth, negated(second[i])) for i, truth in first.items()}


def exact(selection: Mapping[int, Truth]) -> bool:
    """Whether nobody could argue about any object."""
    return None not in selection.values()


def members(selection: Mapping[int, Truth]) -> tuple[int, ...]:
    """Ids that are surely selected, ascending."""
    return tuple(sorted(i for i, truth in selection.items() if truth == 1))


def undecided(selection: Mapping[int, Truth]) -> Selection:
    """A selection of the same objects in which nothing is known."""
    return dict.fromkeys(selection)
