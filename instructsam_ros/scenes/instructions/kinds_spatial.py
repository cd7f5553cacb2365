"""Kinds of instructions about spatial relations, and about order in size and position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.kinds_attributes import NUMBERS, UNIFORM_SHARE
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
from instructsam_ros.scenes.instructions.noun_phrases import NO_ANCHOR, Anchor, Noun
from instructsam_ros.scenes.instructions.scene_facts import in_group
from instructsam_ros.scenes.instructions.spatial_relations import (
    SIDES,
    RankKey,
    extreme,
    nearest,
    nth,
    select_related,
)
from instructsam_ros.scenes.instructions.three_valued_logic import members, subtract, undecided

# height is compared only among upright objects
UPRIGHT = frozenset({
    "mug", "cup", "glass", "wine glass", "bottle", "can", "jar", "milk carton", "cereal box", "teapot",
    "pot", "kettle", "vase",
})  # fmt: skip
SIZES: dict[str, tuple[RankKey, bool]] = {
    "largest": ("size", True),
    "biggest": ("size", True),
    "smallest": ("size", False),
    "tallest": ("height", True),
    "shortest": ("height", False),
}
SIDE_NAMES = {"left": False, "right": True}
DISTANCES = {"closest to": False, "nearest to": False, "farthest from": True, "furthest from": True}
ORDINALS = {1: "first", 2: "second", 3: "third"}
DISHES: dict[str, tuple[str, ...]] = {"on": ("plate", "cutting board", "tray"), "in": ("bowl", "pan")}
"""Categories that objects lie on or in."""


def relation(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug left of the bowl'."""
    placed = _placed(
        sampler,
        lambda: sampler.colored() if sampler.chance(0.3) else sampler.noun(sampler.category()),
    )
    if placed is None:
        return None
    noun, anchor = placed
    side = sampler.pick(SIDES)
    answer = select_related(sampler.facts, noun.named, side, anchor.id)
    slots = noun.slots | {"relation": sampler.relation(side), "anchor": anchor.text}
    return LogicalForm("simple", "rel", noun, answer, slots)


def relation_count(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The two mugs left of the bowl'; the number is right unless there are none."""
    logical_form = relation(sampler)
    if logical_form is None:
        return None
    number = len(members(logical_form.answer)) or sampler.pick(list(NUMBERS))
    if number not in NUMBERS:
        return None
    return replace(
        logical_form, construct="rel_count", slots=logical_form.slots | {"number": NUMBERS[number]}
    )


def relation_all(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Everything left of the bowl'."""
    anchor = sampler.maybe_absent_anchor() or sampler.anchor()
    if anchor is None:
        return None
    side = sampler.pick(SIDES)
    head = sampler.object_noun()
    answer = select_related(sampler.facts, head.named, side, anchor.id)
    return LogicalForm(
        "simple", "rel_all", head, answer, {"relation": sampler.relation(side), "anchor": anchor.text}
    )


def except_relation(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'All the mugs except the ones left of the bowl'; as a negative, all may be."""
    uniform = sampler.negative and sampler.chance(UNIFORM_SHARE)
    noun = sampler.noun(sampler.visible_object().category) if uniform else sampler.family()
    anchor = sampler.anchor(*members(noun.named)) if noun else None
    if noun is None or anchor is None:
        return None
    side = sampler.pick(SIDES)
    excluded = select_related(sampler.facts, noun.named, side, anchor.id)
    slots = noun.slots | {
        "relation": sampler.relation(side),
        "anchor": anchor.text,
        "ones": "one" if len(members(excluded)) == 1 else "ones",
    }
    return LogicalForm("simple", "except_rel", noun, subtract(noun.named, excluded), slots, excludes=True)


def not_related(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug that is not left of the bowl', where all others are, or all are."""
    logical_form = except_relation(sampler)
    return logical_form and replace(logical_form, construct="not_rel", unique=True)


def beside(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mugs next to the bowl'."""
    placed = _placed(
        sampler,
        lambda: sampler.family() if sampler.chance(0.6) else sampler.noun(sampler.category()),
    )
    if placed is None:
        return None
    noun, anchor = placed
    answer = select_related(sampler.facts, noun.named, "beside", anchor.id)
    return LogicalForm("simple", "beside", noun, answer, noun.slots | {"anchor": anchor.text})


def beside_all(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Everything next to the bowl'."""
    anchor = sampler.maybe_absent_anchor() or sampler.anchor()
    if anchor is None:
        return None
    head = sampler.object_noun()
    answer = select_related(sampler.facts, head.named, "beside", anchor.id)
    return LogicalForm("simple", "beside_all", head, answer, {"anchor": anchor.text})


def size_superlative(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The largest mug'."""
    noun, word = sampler.family(), sampler.pick(list(SIZES))
    if noun is None or (SIZES[word][0] == "height" and noun.category not in UPRIGHT):
        return None
    key, descending = SIZES[word]
    answer = extreme(sampler.facts, noun.named, key, descending=descending)
    return LogicalForm("simple", "sup_size", noun, answer, noun.slots | {"rank": word}, unique=True)


def side_superlative(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The leftmost mug' or 'the leftmost object'."""
    noun = _family_or_objects(sampler)
    if noun is None:
        return None
    side = sampler.pick(list(SIDE_NAMES))
    answer = extreme(sampler.facts, noun.named, "column", descending=SIDE_NAMES[side])
    return LogicalForm("simple", "sup_side", noun, answer, noun.slots | {"side": side}, unique=True)


def distance_superlative(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug closest to the camera'."""
    noun = _family_or_objects(sampler)
    if noun is None:
        return None
    word = sampler.pick(list(DISTANCES))
    answer = extreme(sampler.facts, noun.named, "distance", descending=DISTANCES[word])
    return LogicalForm("simple", "sup_near", noun, answer, noun.slots | {"rank": word}, unique=True)


def top_k(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The two largest mugs'."""
    noun = sampler.family()
    if noun is None:
        return None
    ranks = SIZES | {f"{side}most": ("column", descending) for side, descending in SIDE_NAMES.items()}
    word = sampler.pick(list(ranks))
    key, descending = ranks[word]
    if key == "height" and noun.category not in UPRIGHT:
        return None
    return _first(sampler, noun, "topk", key, descending, {"rank": word})


def top_k_side(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The two mugs on the left', of three or more."""
    noun = sampler.family()
    if noun is None:
        return None
    side = sampler.pick(list(SIDE_NAMES))
    return _first(sampler, noun, "topk_side", "column", SIDE_NAMES[side], {"side": side})


def ordinal(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The second mug from the left', of three or more."""
    noun = sampler.family()
    if noun is None:
        return None
    side, position = sampler.pick(list(SIDE_NAMES)), sampler.pick(list(ORDINALS))
    answer = nth(sampler.facts, noun.named, position, from_right=SIDE_NAMES[side])
    slots = noun.slots | {"side": side, "nth": ORDINALS[position]}
    return LogicalForm("simple", "ordinal", noun, answer, slots, unique=True)


def middle(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug in the middle', of exactly three in a row from left to right."""
    noun = sampler.family()
    if noun is None:
        return None
    order = nth(sampler.facts, noun.named, 2, from_right=False)
    answer = order if len(members(noun.named)) in (0, 3) else undecided(noun.named)
    return LogicalForm("simple", "middle", noun, answer, noun.slots, unique=True)


def near(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug closest to the bowl'."""
    placed = _placed(sampler, lambda: _family_or_objects(sampler))
    if placed is None:
        return None
    noun, anchor = placed
    answer = nearest(sampler.facts, noun.named, anchor.id)
    return LogicalForm("simple", "near", noun, answer, noun.slots | {"anchor": anchor.text}, unique=True)


def on_or_in(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The apple in the bowl' or 'the food on the plate'; as a negative, absent food."""
    hosts = {t.parent: t.relation for t in sampler.seen if t.parent is not None}
    word: str | None
    word, dishes = sampler.pick(list(DISHES.items()))
    anchor, carried = sampler.maybe_absent_anchor(*dishes), sampler.seen
    if anchor is None:
        anchor = sampler.anchor(*(i for i in sampler.facts.objects if i not in hosts)) if hosts else None
        if anchor is None:
            return None
        word, carried = hosts[anchor.id], [t for t in sampler.seen if t.parent == anchor.id]
    if sampler.chance(0.25):
        food = sampler.facts.where(in_group("food"))
        noun = Noun("piece of food", "pieces of food", "piece of food", "pieces of food", "food", food)
    elif sampler.chance(0.25):
        noun = sampler.object_noun()
    else:
        category = sampler.category() if sampler.negative else sampler.pick(carried).category
        if anchor.id != NO_ANCHOR and category == sampler.facts.objects[anchor.id].category:
            return None
        noun = sampler.noun(category)
    answer = select_related(sampler.facts, noun.named, "in" if word == "in" else "on", anchor.id)
    slots = noun.slots | {"relation": sampler.relation("in" if word == "in" else "on"), "anchor": anchor.text}
    return LogicalForm("simple", "host_on", noun, answer, slots)


def _first(
    sampler: InstructionSampler,
    noun: Noun,
    construct: str,
    key: RankKey,
    descending: bool,
    slots: dict[str, str],
) -> LogicalForm:
    """Build the logical form of the first two or three in an order."""
    number = 3 if len(members(noun.named)) > 3 and sampler.chance(0.4) else 2
    answer = extreme(sampler.facts, noun.named, key, descending=descending, count=number)
    return LogicalForm("simple", construct, noun, answer, noun.slots | slots | {"number": NUMBERS[number]})


def _placed(sampler: InstructionSampler, draw: Callable[[], Noun | None]) -> tuple[Noun, Anchor] | None:
    """Sample a head noun and its anchor: another object, or one absent from the scene.

    An absent anchor is sampled first: the head noun then has referents (``maybe_absent_anchor``).
    """
    absent_anchor = sampler.maybe_absent_anchor()
    noun = draw()
    anchor = (absent_anchor or sampler.anchor(*members(noun.named))) if noun else None
    return None if noun is None or anchor is None else (noun, anchor)


def _family_or_objects(sampler: InstructionSampler) -> Noun | None:
    if sampler.negative or sampler.chance(0.8):
        return sampler.family()
    return sampler.object_noun()
