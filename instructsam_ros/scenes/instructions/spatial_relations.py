"""Spatial relations, superlatives and ordinals, with margins that make close cases ambiguous."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from instructsam_ros.scenes.instructions.noun_phrases import NO_ANCHOR
from instructsam_ros.scenes.instructions.scene_facts import ObjectFacts, SceneFacts
from instructsam_ros.scenes.instructions.three_valued_logic import (
    Selection,
    Truth,
    both,
    exact,
    members,
    undecided,
)

Relation = Literal["left", "right", "front", "behind", "on", "in", "beside"]
RankKey = Literal["size", "height", "column", "distance"]

NEXT_TO, NOT_NEXT_TO = 0.07, 0.16
"""Gap in metres up to which two objects are next to each other, and from which on they are not."""

BEYOND_IN_PICTURE = 0.08
"""Least distance of the middles of two objects of a photograph that have an order, in image widths."""
LARGER_IN_PICTURE = 1.4
"""Least ratio of the square roots of their areas if one is to be the larger one."""

SIDES: tuple[Relation, ...] = ("left", "right", "front", "behind")


def related(item: ObjectFacts, relation: Relation, anchor: ObjectFacts) -> Truth:
    """Return whether ``item`` is in the relation to ``anchor`` from the camera's viewpoint."""
    if item.id == anchor.id:
        return 0
    if item.box or anchor.box:
        return _related_in_picture(item, relation, anchor) if item.box and anchor.box else None
    if relation in ("on", "in"):
        if item.parent != anchor.id:
            return None if item.loose or anchor.loose else 0
        return 1 if item.relation == relation else None
    if item.parent == anchor.id or anchor.parent == item.id:
        return None  # an apple on a plate is neither left nor right of it, nor next to it
    if relation == "beside":
        return _next_to(item, anchor)
    across, along = item.right - anchor.right, item.ahead - anchor.ahead
    if relation in ("left", "right"):
        return _sideways(item, anchor, across, along, -1 if relation == "left" else 1)
    beyond = -along if relation == "front" else along
    if beyond > 0.07:
        return 1 if beyond >= 0.8 * abs(across) else None
    return 0 if beyond < -0.03 else None


def _sideways(item: ObjectFacts, anchor: ObjectFacts, across: float, along: float, sign: int) -> Truth:
    """Compare both in space (metres) and in the image (share of its width)."""
    if item.column is None or anchor.column is None:
        return None
    in_space, in_image = sign * across, sign * (item.column - anchor.column)
    if in_space > 0.05 and in_image > 0.05:
        return 1 if in_space >= 0.6 * abs(along) else None
    return 0 if in_space < -0.02 and in_image < -0.02 else None


def _related_in_picture(item: ObjectFacts, relation: Relation, anchor: ObjectFacts) -> Truth:
    """Compare middles in image widths; without depth, only the sides can be told."""
    if relation not in ("left", "right"):
        return None
    sign = -1 if relation == "left" else 1
    across, along = sign * (item.right - anchor.right), abs(item.ahead - anchor.ahead)
    if across > 0 and _is_beyond(item, anchor):
        return 1 if across >= 0.6 * along else None
    return 0 if across < -0.05 else None


def _is_beyond(item: ObjectFacts, other: ObjectFacts) -> bool:
    """Return whether neither contains the middle of the other from left to right, and middles are apart."""
    widths = (each.box[2] - each.box[0] for each in (item, other) if each.box)
    return abs(item.right - other.right) >= max(BEYOND_IN_PICTURE, *(width / 2 for width in widths))


def _next_to(item: ObjectFacts, anchor: ObjectFacts) -> Truth:
    """Compare the gap between the two on the table, whatever their yaw."""
    apart = math.hypot(item.right - anchor.right, item.ahead - anchor.ahead)
    largest_gap, smallest_gap = (
        apart - sum(side(t.extent[:2]) / 2 for t in (item, anchor)) for side in (min, max)
    )
    if largest_gap < NEXT_TO and item.parent in (None, anchor.parent):
        return None if item.loose and smallest_gap < 0 else 1  # one may lie on the other
    return 0 if smallest_gap > NOT_NEXT_TO else None


def select_related(facts: SceneFacts, selection: Selection, relation: Relation, anchor: int) -> Selection:
    """Select the members that are in the relation to the anchor; none for NO_ANCHOR."""
    if anchor == NO_ANCHOR:
        return dict.fromkeys(selection, 0)
    reference = facts.objects[anchor]
    return {
        i: both(truth, related(facts.objects[i], relation, reference)) if truth != 0 else 0
        for i, truth in selection.items()
    }


def _value(item: ObjectFacts, key: RankKey) -> float:
    if key == "size":
        return math.prod(length + 0.01 for length in item.extent) ** (1 / 3)
    if key == "height":
        return item.extent[2]
    if key == "column":
        return item.right
    return math.hypot(*item.at)


def _apart(first: ObjectFacts, second: ObjectFacts, key: RankKey) -> bool:
    """Return whether the order of the two is unambiguous."""
    a, b = _value(first, key), _value(second, key)
    if first.box and second.box and key != "size":
        return key == "column" and _is_beyond(first, second)
    if key == "distance":
        return abs(a - b) > 0.07
    if key == "column":
        if first.column is None or second.column is None:
            return False
        return (
            abs(a - b) > 0.06
            and (first.column - second.column) * (a - b) > 0
            and abs(first.column - second.column) > 0.05
        )
    if any(item.visible < 0.75 or item.truncated for item in (first, second)):
        return False
    if key == "height" and (first.loose or second.loose):
        return False
    clearly = LARGER_IN_PICTURE if first.box else 1.14 if key == "size" else 1.2
    return max(a, b) / min(a, b) > clearly


def ranked(facts: SceneFacts, selection: Selection, key: RankKey, *, descending: bool) -> list[int]:
    """Sort the members by a measure."""
    return sorted(members(selection), key=lambda i: _value(facts.objects[i], key), reverse=descending)


def extreme(
    facts: SceneFacts, selection: Selection, key: RankKey, *, descending: bool, count: int = 1
) -> Selection:
    """Select the ``count`` first members in that order; undecided unless the cut is clear and excludes some.

    An empty selection has no extreme member, and that is a clear answer.
    """
    order = ranked(facts, selection, key, descending=descending)
    if not exact(selection) or 0 < len(order) <= count:
        return undecided(selection)
    inside, outside = order[:count], order[count:]
    objects = facts.objects
    if not all(_apart(objects[i], objects[o], key) for i in inside for o in outside):
        return undecided(selection)
    return {i: int(i in inside) for i in selection}


def nth(facts: SceneFacts, selection: Selection, position: int, *, from_right: bool) -> Selection:
    """Select the member at a position (1 = first) from a side; undecided unless neighbours are apart."""
    order = ranked(facts, selection, "column", descending=from_right)
    if not exact(selection) or 0 < len(order) < max(position, 3):
        return undecided(selection)
    objects = facts.objects
    if not all(_apart(objects[a], objects[b], "column") for a, b in pairwise(order)):
        return undecided(selection)
    return {i: int(bool(order) and i == order[position - 1]) for i in selection}


def nearest(facts: SceneFacts, selection: Selection, anchor: int) -> Selection:
    """Select the member closest to the anchor; undecided unless it is clearly closer than the next.

    No member is closest to NO_ANCHOR.
    """
    if anchor == NO_ANCHOR:
        return dict.fromkeys(selection, 0)
    reference = facts.objects[anchor].at
    distance = {i: math.dist(facts.objects[i].at, reference) for i in members(selection) if i != anchor}
    if not exact(selection) or len(distance) == 1:
        return undecided(selection)
    order = sorted(distance, key=distance.__getitem__)
    if order:
        first, second = distance[order[0]], distance[order[1]]
        if second < 1.3 * first or second - first < 0.04:
            return undecided(selection)
    return {i: int(bool(order) and i == order[0]) for i in selection}
