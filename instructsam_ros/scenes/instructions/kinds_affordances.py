"""Kinds of instructions that need a step of reasoning: purposes, contents, comparisons with others."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.catalogue import CATALOGUE, COLORLESS, DISH_COLORS
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.kinds_spatial import DISHES, SIZES
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
from instructsam_ros.scenes.instructions.noun_phrases import Noun
from instructsam_ros.scenes.instructions.scene_facts import ObjectFacts, affording, has_color
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

MAX_LATERAL_OFFSET = 0.35
"""Largest distance of an object between two anchors from the line joining them, as a share of its length."""


def purpose(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'Something to drink from'."""
    name, noun = sampler.purpose()
    return LogicalForm("complex", "aff", noun, noun.named, sampler.purpose_slots(name))


def purpose_not_color(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Something to drink from, but nothing red'."""
    name, noun = sampler.purpose()
    colors = _colors_of(sampler, noun) or list(DISH_COLORS)
    color = sampler.pick(colors)
    answer = subtract(noun.named, sampler.facts.where(has_color(color)))
    slots = sampler.purpose_slots(name) | {"color": color}
    return LogicalForm("complex", "aff_not", noun, answer, slots, excludes=True)


def purpose_color(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'Something red to drink from'."""
    name, noun = sampler.purpose()
    if sampler.negative and sampler.chance(0.6):  # the right purpose in a colour that is elsewhere
        sampler.negative = False
        name, noun = sampler.purpose()
        sampler.negative = True
        colors = [color for color in sampler.colors if color not in _colors_of(sampler, noun)]
    else:
        colors = _colors_of(sampler, noun)
    color = sampler.pick(colors or list(DISH_COLORS))
    answer = intersect(noun.named, sampler.facts.where(has_color(color)))
    phrase = f"{color} {noun.phrase}"
    head = Noun(phrase, phrase + "s", noun.bare, noun.bares, phrase, answer, color)
    return LogicalForm("complex", "aff_color", head, answer, sampler.purpose_slots(name) | {"color": color})


def purpose_related(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Something to drink from, left of the bowl'."""
    absent_anchor = sampler.maybe_absent_anchor()
    if sampler.negative:  # the purpose is served, but on another side
        sampler.negative = sampler.chance(0.3)
        name, noun = sampler.purpose()
        sampler.negative = True
    else:
        name, noun = sampler.purpose()
    anchor = absent_anchor or sampler.anchor()
    if anchor is None:
        return None
    side = sampler.pick(SIDES)
    answer = select_related(sampler.facts, noun.named, side, anchor.id)
    slots = sampler.purpose_slots(name) | {"relation": sampler.relation(side), "anchor": anchor.text}
    return LogicalForm("complex", "aff_rel", noun, answer, slots)


def purpose_size(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'The largest thing to drink from'."""
    name, noun = sampler.purpose()
    word = sampler.pick([word for word, (key, _) in SIZES.items() if key == "size"])
    answer = extreme(sampler.facts, noun.named, "size", descending=SIZES[word][1])
    return LogicalForm(
        "complex", "aff_size", noun, answer, sampler.purpose_slots(name) | {"rank": word}, unique=True
    )


def food(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'All that can be eaten'."""
    named = sampler.facts.where(affording("edible"))
    return LogicalForm("complex", "food", Noun("food", "food", "food", "food", "food", named), named)


def not_food(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'All that cannot be eaten'."""
    head = sampler.object_noun()
    answer = subtract(head.named, sampler.facts.where(affording("edible")))
    return LogicalForm("complex", "nonfood", head, answer)


def host(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The plate that has something on it'."""
    noun = _dishes(sampler)
    if noun is None:
        return None
    answer = {i: both(truth, _carries(sampler, i)) for i, truth in noun.named.items()}
    return LogicalForm("complex", "host", noun, answer, noun.slots | {"relation": _inside(noun)})


def host_with(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The plate with a banana on it'."""
    carried = [t for t in sampler.seen if t.parent is not None]
    if not carried:
        return None
    item = sampler.pick(carried)
    noun = sampler.noun(sampler.facts.objects[item.parent or 0].category)
    content = sampler.noun(sampler.category() if sampler.negative else item.category)
    if content.category == noun.category:
        return None
    answer = {i: both(truth, _carries(sampler, i, content)) for i, truth in noun.named.items()}
    slots = noun.slots | {"content": content.singular, "relation": _inside(noun)}
    return LogicalForm("complex", "host_with", noun, answer, slots, others={content.singular: content.named})


def empty(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The empty plate', where another one carries something."""
    noun = _dishes(sampler)
    if noun is None:
        return None
    answer = {i: both(truth, negated(_carries(sampler, i))) for i, truth in noun.named.items()}
    return LogicalForm(
        "complex", "empty", noun, answer, noun.slots | {"relation": _inside(noun)}, excludes=True
    )


def same_color(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Everything else of the colour of the mug'."""
    head = sampler.object_noun()
    # An anchor without a colour adjective: "the color of the red mug" would be red even without a mug.
    absent_anchor = sampler.maybe_absent_anchor(*CATALOGUE)
    if absent_anchor is not None:
        return LogicalForm(
            "complex", "same", head, dict.fromkeys(head.named, 0), {"anchor": absent_anchor.text}
        )
    anchor = sampler.anchor()
    if anchor is None or sampler.facts.objects[anchor.id].color in COLORLESS:
        return None
    colored = sampler.facts.where(has_color(sampler.facts.objects[anchor.id].color))
    if colored[anchor.id] != 1:
        return None
    answer = colored | {anchor.id: 0}
    return LogicalForm("complex", "same", head, answer, {"anchor": anchor.text})


def between(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The apples right of the mug and left of the bowl'."""
    absent_anchor = sampler.maybe_absent_anchor()
    left = absent_anchor or sampler.anchor()
    right = sampler.anchor(left.id) if left else None
    if left is None or right is None:
        return None
    objects = sampler.facts.objects
    if absent_anchor is not None:
        left, right = sampler.pick(((left, right), (right, left)))
    elif related(objects[right.id], "left", objects[left.id]) == 1:
        left, right = right, left
    elif related(objects[left.id], "left", objects[right.id]) != 1:
        return None
    noun = sampler.object_noun() if sampler.chance(0.3) else sampler.noun(sampler.category())
    answer = select_related(sampler.facts, noun.named, "right", left.id)
    answer = select_related(sampler.facts, answer, "left", right.id)
    if absent_anchor is None:
        ends = objects[left.id], objects[right.id]
        answer = {
            i: truth and (truth if _in_line(objects[i], *ends) else None) for i, truth in answer.items()
        }
    slots = noun.slots | {"anchor": left.text, "second": right.text}
    return LogicalForm("complex", "between", noun, answer, slots)


def _in_line(item: ObjectFacts, left: ObjectFacts, right: ObjectFacts) -> bool:
    """Return whether an object is close enough to the line from left to right to be between the two."""
    line = np.subtract((right.right, right.ahead), (left.right, left.ahead))
    way = np.subtract((item.right, item.ahead), (left.right, left.ahead))
    aside = abs(line[0] * way[1] - line[1] * way[0])
    return bool(aside <= MAX_LATERAL_OFFSET * line @ line)


def _colors_of(sampler: InstructionSampler, noun: Noun) -> list[str]:
    objects = (sampler.facts.objects[i] for i in members(noun.named))
    return sorted({item.color for item in objects} - set(COLORLESS))


def _dishes(sampler: InstructionSampler) -> Noun | None:
    """Sample a noun for plates, bowls, pans, boards or trays of which several are visible."""
    options = [c for c in (*DISHES["on"], *DISHES["in"]) if sampler.counts[c] > 1]
    if not options:
        return None
    noun = sampler.noun(sampler.pick(options))
    return noun if exact(noun.named) else None


def _carries(sampler: InstructionSampler, host_id: int, content: Noun | None = None) -> Truth:
    """Return whether it carries something, or such content; ambiguous if that is barely visible."""
    if sampler.facts.objects[host_id].loose:
        return None
    load = content.named if content else sampler.facts.everything()
    return either(0, *(load[i] for i, t in sampler.facts.objects.items() if t.parent == host_id))


def _inside(noun: Noun) -> str:
    return "in" if noun.phrase in DISHES["in"] else "on"
