"""Kinds of instructions that need a step of reasoning: purposes, contents, comparisons with others."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.catalogue import CATALOGUE, COLORLESS, DISH_COLORS
from instructsam_ros.scenes.instructions.drafting import Draft, Speaker
from instructsam_ros.scenes.instructions.kinds_spatial import DISHES, SIZES
from instructsam_ros.scenes.instructions.noun_phrases import Noun
from instructsam_ros.scenes.instructions.scene_facts import Thing, affording, has_color
from instructsam_ros.scenes.instructions.spatial_relations import SIDES, extreme, related, select_related
from instructsam_ros.scenes.instructions.three_valued_logic import (
    Truth,
    both,
    either,
    exact,
    intersect,
    members,
    negated,
    subtract,
)

MOST_ASIDE = 0.35
"""How far what is between two things may be from the line from one to the other, as a share of its length."""


def purpose(speaker: Speaker) -> Draft:
    """Something to drink from."""
    name, noun = speaker.purpose()
    return Draft("complex", "aff", noun, noun.named, speaker.purpose_slots(name))


def purpose_not_color(speaker: Speaker) -> Draft | None:
    """Something to drink from, but nothing red."""
    name, noun = speaker.purpose()
    colors = _colors_of(speaker, noun) or list(DISH_COLORS)
    color = speaker.pick(colors)
    answer = subtract(noun.named, speaker.picture.where(has_color(color)))
    slots = speaker.purpose_slots(name) | {"color": color}
    return Draft("complex", "aff_not", noun, answer, slots, excludes=True)


def purpose_color(speaker: Speaker) -> Draft:
    """Something red to drink from."""
    name, noun = speaker.purpose()
    if speaker.absent and speaker.chance(0.6):  # the right purpose in a colour that is elsewhere
        speaker.absent = False
        name, noun = speaker.purpose()
        speaker.absent = True
        colors = [color for color in speaker.colors if color not in _colors_of(speaker, noun)]
    else:
        colors = _colors_of(speaker, noun)
    color = speaker.pick(colors or list(DISH_COLORS))
    answer = intersect(noun.named, speaker.picture.where(has_color(color)))
    phrase = f"{color} {noun.phrase}"
    head = Noun(phrase, phrase + "s", noun.bare, noun.bares, phrase, answer, color)
    return Draft("complex", "aff_color", head, answer, speaker.purpose_slots(name) | {"color": color})


def purpose_related(speaker: Speaker) -> Draft | None:
    """Something to drink from, left of the bowl."""
    nowhere = speaker.nowhere()
    if speaker.absent:  # the purpose is served, but on another side
        speaker.absent = speaker.chance(0.3)
        name, noun = speaker.purpose()
        speaker.absent = True
    else:
        name, noun = speaker.purpose()
    anchor = nowhere or speaker.anchor()
    if anchor is None:
        return None
    side = speaker.pick(SIDES)
    answer = select_related(speaker.picture, noun.named, side, anchor.id)
    slots = speaker.purpose_slots(name) | {"relation": speaker.relation(side), "anchor": anchor.text}
    return Draft("complex", "aff_rel", noun, answer, slots)


def purpose_size(speaker: Speaker) -> Draft:
    """The largest thing to drink from."""
    name, noun = speaker.purpose()
    word = speaker.pick([word for word, (key, _) in SIZES.items() if key == "size"])
    answer = extreme(speaker.picture, noun.named, "size", descending=SIZES[word][1])
    return Draft(
        "complex", "aff_size", noun, answer, speaker.purpose_slots(name) | {"rank": word}, unique=True
    )


def food(speaker: Speaker) -> Draft:
    """All that can be eaten."""
    named = speaker.picture.where(affording("edible"))
    return Draft("complex", "food", Noun("food", "food", "food", "food", "food", named), named)


def not_food(speaker: Speaker) -> Draft:
    """All that cannot be eaten."""
    head = speaker.objects()
    answer = subtract(head.named, speaker.picture.where(affording("edible")))
    return Draft("complex", "nonfood", head, answer)


def host(speaker: Speaker) -> Draft | None:
    """The plate that has something on it."""
    noun = _dishes(speaker)
    if noun is None:
        return None
    answer = {i: both(truth, _carries(speaker, i)) for i, truth in noun.named.items()}
    return Draft("complex", "host", noun, answer, noun.slots | {"relation": _inside(noun)})


def host_with(speaker: Speaker) -> Draft | None:
    """The plate with a banana on it."""
    carried = [t for t in speaker.seen if t.parent is not None]
    if not carried:
        return None
    thing = speaker.pick(carried)
    noun = speaker.noun(speaker.picture.things[thing.parent or 0].category)
    content = speaker.noun(speaker.category() if speaker.absent else thing.category)
    if content.category == noun.category:
        return None
    answer = {i: both(truth, _carries(speaker, i, content)) for i, truth in noun.named.items()}
    slots = noun.slots | {"content": content.singular, "relation": _inside(noun)}
    return Draft("complex", "host_with", noun, answer, slots, others={content.singular: content.named})


def empty(speaker: Speaker) -> Draft | None:
    """The empty plate, where another one carries something."""
    noun = _dishes(speaker)
    if noun is None:
        return None
    answer = {i: both(truth, negated(_carries(speaker, i))) for i, truth in noun.named.items()}
    return Draft("complex", "empty", noun, answer, noun.slots | {"relation": _inside(noun)}, excludes=True)


def same_color(speaker: Speaker) -> Draft | None:
    """Everything else of the colour of the mug."""
    head = speaker.objects()
    # A place without a colour: that of "the red mug" is red, whether there is such a mug or not.
    nowhere = speaker.nowhere(*CATALOGUE)
    if nowhere is not None:
        return Draft("complex", "same", head, dict.fromkeys(head.named, 0), {"anchor": nowhere.text})
    anchor = speaker.anchor()
    if anchor is None or speaker.picture.things[anchor.id].color in COLORLESS:
        return None
    colored = speaker.picture.where(has_color(speaker.picture.things[anchor.id].color))
    if colored[anchor.id] != 1:
        return None
    answer = colored | {anchor.id: 0}
    return Draft("complex", "same", head, answer, {"anchor": anchor.text})


def between(speaker: Speaker) -> Draft | None:
    """The apples right of the mug and left of the bowl."""
    nowhere = speaker.nowhere()
    left = nowhere or speaker.anchor()
    right = speaker.anchor(left.id) if left else None
    if left is None or right is None:
        return None
    things = speaker.picture.things
    if nowhere is not None:
        left, right = speaker.pick(((left, right), (right, left)))
    elif related(things[right.id], "left", things[left.id]) == 1:
        left, right = right, left
    elif related(things[left.id], "left", things[right.id]) != 1:
        return None
    noun = speaker.objects() if speaker.chance(0.3) else speaker.noun(speaker.category())
    answer = select_related(speaker.picture, noun.named, "right", left.id)
    answer = select_related(speaker.picture, answer, "left", right.id)
    if nowhere is None:
        ends = things[left.id], things[right.id]
        answer = {i: truth and (truth if _in_line(things[i], *ends) else None) for i, truth in answer.items()}
    slots = noun.slots | {"anchor": left.text, "second": right.text}
    return Draft("complex", "between", noun, answer, slots)


def _in_line(thing: Thing, left: Thing, right: Thing) -> bool:
    """Whether a thing is near enough to the line from left to right to stand between the two."""
    line = np.subtract((right.right, right.ahead), (left.right, left.ahead))
    way = np.subtract((thing.right, thing.ahead), (left.right, left.ahead))
    aside = abs(line[0] * way[1] - line[1] * way[0])
    return bool(aside <= MOST_ASIDE * line @ line)


def _colors_of(speaker: Speaker, noun: Noun) -> list[str]:
    things = (speaker.picture.things[i] for i in members(noun.named))
    return sorted({thing.color for thing in things} - set(COLORLESS))


def _dishes(speaker: Speaker) -> Noun | None:
    """Plates, bowls, pans, boards or trays of which several are seen."""
    options = [c for c in (*DISHES["on"], *DISHES["in"]) if speaker.counts[c] > 1]
    if not options:
        return None
    noun = speaker.noun(speaker.pick(options))
    return noun if exact(noun.named) else None


def _carries(speaker: Speaker, host_id: int, content: Noun | None = None) -> Truth:
    """Whether something lies on it, or such content; arguable where the load can barely be seen."""
    load = content.named if content else speaker.picture.everything()
    return either(0, *(load[i] for i, t in speaker.picture.things.items() if t.parent == host_id))


def _inside(noun: Noun) -> str:
    return "in" if noun.phrase in DISHES["in"] else "on"
