"""Three-valued logic: 1 true, 0 false, None ambiguous (Kleene's strong logic)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Truth = int | None
Selection = dict[int, Truth]
"""Truth per object id."""


def both(*values: Truth) -> Truth:
    """Compute the conjunction: one false decides."""
    if 0 in values:
        return 0
    return None if None in values else 1


def either(*values: Truth) -> Truth:
    """Compute the disjunction: one true decides."""
    if 1 in values:
        return 1
    return None if None in values else 0


def negated(value: Truth) -> Truth:
    """Negate; ambiguous stays ambiguous."""
    return None if value is None else 1 - value


def intersect(first: Selection, second: Mapping[int, Truth]) -> Selection:
    """Select the objects in both selections."""
    return {i: both(truth, second[i]) for i, truth in first.items()}


def unite(selections: Iterable[Selection]) -> Selection:
    """Select the objects in any of the selections."""
    listed = list(selections)
    return {i: either(*(selection[i] for selection in listed)) for i in listed[0]}


def subtract(first: Selection, second: Mapping[int, Truth]) -> Selection:
    """Select the objects of the first selection that are not in the second."""
    return {i: both(truth, negated(second[i])) for i, truth in first.items()}


def exact(selection: Mapping[int, Truth]) -> bool:
    """Return whether no object is ambiguous."""
    return None not in selection.values()


def members(selection: Mapping[int, Truth]) -> tuple[int, ...]:
    """List the unambiguously selected ids, ascending."""
    return tuple(sorted(i for i, truth in selection.items() if truth == 1))


def undecided(selection: Mapping[int, Truth]) -> Selection:
    """Return a selection of the same objects in which all are ambiguous."""
    return dict.fromkeys(selection)
