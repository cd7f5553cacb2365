"""Kinds of instructions about where things are, and about their order in size and place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instructsam_ros.scenes.instructions.drafting import Draft, Speaker
from instructsam_ros.scenes.instructions.kinds_attributes import ALIKE_SHARE, NUMBERS
from instructsam_ros.scenes.instructions.noun_phrases import NOWHERE, Anchor, Noun
from instructsam_ros.scenes.instructions.scene_facts import in_group
from instructsam_ros.scenes.instructions.spatial_relations import (
    SIDES,
    RankKey,
    extreme,
    nearest,
    nth,
    select_related,
)
from instructsam_ros.scenes.instructions.three_valued_logic import members, subtract

# height is compared only among things that stand upright
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
"""What things lie on, and what they lie in."""


def relation(speaker: Speaker) -> Draft | None:
    """The mug left of the bowl."""
    placed = _placed(
        speaker,
        lambda: speaker.colored() if speaker.chance(0.3) else speaker.noun(speaker.category()),
    )
    if placed is None:
        return None
    noun, anchor = placed
    side = speaker.pick(SIDES)
    answer = select_related(speaker.picture, noun.named, side, anchor.id)
    slots = noun.slots | {"relation": speaker.relation(side), "anchor": anchor.text}
    return Draft("simple", "rel", noun, answer, slots)


def relation_count(speaker: Speaker) -> Draft | None:
    """The two mugs left of the bowl. The number is right, or nothing is there."""
    draft = relation(speaker)
    if draft is None:
        return None
    number = len(members(draft.answer)) or speaker.pick(list(NUMBERS))
    if number not in NUMBERS:
        return None
    return replace(draft, construct="rel_count", slots=draft.slots | {"number": NUMBERS[number]})


def relation_all(speaker: Speaker) -> Draft | None:
    """Everything left of the bowl."""
    anchor = speaker.nowhere() or speaker.anchor()
    if anchor is None:
        return None
    side = speaker.pick(SIDES)
    head = speaker.objects()
    answer = select_related(speaker.picture, head.named, side, anchor.id)
    return Draft(
        "simple", "rel_all", head, answer, {"relation": speaker.relation(side), "anchor": anchor.text}
    )


def except_relation(speaker: Speaker) -> Draft | None:
    """All the mugs except the ones left of the bowl; when absent, all of them may be."""
    alike = speaker.absent and speaker.chance(ALIKE_SHARE)
    noun = speaker.noun(speaker.thing().category) if alike else speaker.family()
    anchor = speaker.anchor(*members(noun.named)) if noun else None
    if noun is None or anchor is None:
        return None
    side = speaker.pick(SIDES)
    excluded = select_related(speaker.picture, noun.named, side, anchor.id)
    slots = noun.slots | {
        "relation": speaker.relation(side),
        "anchor": anchor.text,
        "ones": "one" if len(members(excluded)) == 1 else "ones",
    }
    return Draft("simple", "except_rel", noun, subtract(noun.named, excluded), slots, excludes=True)


def not_related(speaker: Speaker) -> Draft | None:
    """The mug that is not left of the bowl; where all others are, or all are."""
    draft = except_relation(speaker)
    return draft and replace(draft, construct="not_rel", unique=True)


def beside(speaker: Speaker) -> Draft | None:
    """The mugs next to the bowl."""
    placed = _placed(
        speaker,
        lambda: speaker.family() if speaker.chance(0.6) else speaker.noun(speaker.category()),
    )
    if placed is None:
        return None
    noun, anchor = placed
    answer = select_related(speaker.picture, noun.named, "beside", anchor.id)
    return Draft("simple", "beside", noun, answer, noun.slots | {"anchor": anchor.text})


def beside_all(speaker: Speaker) -> Draft | None:
    """Everything next to the bowl."""
    anchor = speaker.nowhere() or speaker.anchor()
    if anchor is None:
        return None
    head = speaker.objects()
    answer = select_related(speaker.picture, head.named, "beside", anchor.id)
    return Draft("simple", "beside_all", head, answer, {"anchor": anchor.text})


def size_superlative(speaker: Speaker) -> Draft | None:
    """The largest mug."""
    noun, word = speaker.family(), speaker.pick(list(SIZES))
    if noun is None or (SIZES[word][0] == "height" and noun.category not in UPRIGHT):
        return None
    key, descending = SIZES[word]
    answer = extreme(speaker.picture, noun.named, key, descending=descending)
    return Draft("simple", "sup_size", noun, answer, noun.slots | {"rank": word}, unique=True)


def side_superlative(speaker: Speaker) -> Draft | None:
    """The leftmost mug, the leftmost object."""
    noun = _family_or_objects(speaker)
    if noun is None:
        return None
    side = speaker.pick(list(SIDE_NAMES))
    answer = extreme(speaker.picture, noun.named, "column", descending=SIDE_NAMES[side])
    return Draft("simple", "sup_side", noun, answer, noun.slots | {"side": side}, unique=True)


def distance_superlative(speaker: Speaker) -> Draft | None:
    """The mug closest to the camera."""
    noun = _family_or_objects(speaker)
    if noun is None:
        return None
    word = speaker.pick(list(DISTANCES))
    answer = extreme(speaker.picture, noun.named, "distance", descending=DISTANCES[word])
    return Draft("simple", "sup_near", noun, answer, noun.slots | {"rank": word}, unique=True)


def top_k(speaker: Speaker) -> Draft | None:
    """The two largest mugs."""
    noun = speaker.family()
    if noun is None:
        return None
    ranks = SIZES | {f"{side}most": ("column", descending) for side, descending in SIDE_NAMES.items()}
    word = speaker.pick(list(ranks))
    key, descending = ranks[word]
    if key == "height" and noun.category not in UPRIGHT:
        return None
    return _first(speaker, noun, "topk", key, descending, {"rank": word})


def top_k_side(speaker: Speaker) -> Draft | None:
    """The two mugs on the left, of three or more."""
    noun = speaker.family()
    if noun is None:
        return None
    side = speaker.pick(list(SIDE_NAMES))
    return _first(speaker, noun, "topk_side", "column", SIDE_NAMES[side], {"side": side})


def ordinal(speaker: Speaker) -> Draft | None:
    """The second mug from the left, of three or more."""
    noun = speaker.family()
    if noun is None:
        return None
    side, position = speaker.pick(list(SIDE_NAMES)), speaker.pick(list(ORDINALS))
    answer = nth(speaker.picture, noun.named, position, from_right=SIDE_NAMES[side])
    slots = noun.slots | {"side": side, "nth": ORDINALS[position]}
    return Draft("simple", "ordinal", noun, answer, slots, unique=True)


def near(speaker: Speaker) -> Draft | None:
    """The mug closest to the bowl."""
    placed = _placed(speaker, lambda: _family_or_objects(speaker))
    if placed is None:
        return None
    noun, anchor = placed
    answer = nearest(speaker.picture, noun.named, anchor.id)
    return Draft("simple", "near", noun, answer, noun.slots | {"anchor": anchor.text}, unique=True)


def on_or_in(speaker: Speaker) -> Draft | None:
    """The apple in the bowl, the food on the plate; when absent, what is not there."""
    hosts = {t.parent: t.relation for t in speaker.seen if t.parent is not None}
    word: str | None
    word, dishes = speaker.pick(list(DISHES.items()))
    anchor, carried = speaker.nowhere(*dishes), speaker.seen
    if anchor is None:
        anchor = speaker.anchor(*(i for i in speaker.picture.things if i not in hosts)) if hosts else None
        if anchor is None:
            return None
        word, carried = hosts[anchor.id], [t for t in speaker.seen if t.parent == anchor.id]
    if speaker.chance(0.25):
        food = speaker.picture.where(in_group("food"))
        noun = Noun("piece of food", "pieces of food", "piece of food", "pieces of food", "food", food)
    elif speaker.chance(0.25):
        noun = speaker.objects()
    else:
        category = speaker.category() if speaker.absent else speaker.pick(carried).category
        if anchor.id != NOWHERE and category == speaker.picture.things[anchor.id].category:
            return None
        noun = speaker.noun(category)
    answer = select_related(speaker.picture, noun.named, "in" if word == "in" else "on", anchor.id)
    slots = noun.slots | {"relation": speaker.relation("in" if word == "in" else "on"), "anchor": anchor.text}
    return Draft("simple", "host_on", noun, answer, slots)


def _first(
    speaker: Speaker, noun: Noun, construct: str, key: RankKey, descending: bool, slots: dict[str, str]
) -> Draft:
    """The two or three that come first in an order."""
    number = 3 if len(members(noun.named)) > 3 and speaker.chance(0.4) else 2
    answer = extreme(speaker.picture, noun.named, key, descending=descending, count=number)
    return Draft("simple", construct, noun, answer, noun.slots | slots | {"number": NUMBERS[number]})


def _placed(speaker: Speaker, draw: Callable[[], Noun | None]) -> tuple[Noun, Anchor] | None:
    """What is asked for, and what it is related to: something else, or what is not in the picture.

    The latter is decided first: then what is asked for is there (``Speaker.nowhere``).
    """
    nowhere = speaker.nowhere()
    noun = draw()
    anchor = (nowhere or speaker.anchor(*members(noun.named))) if noun else None
    return None if noun is None or anchor is None else (noun, anchor)


def _family_or_objects(speaker: Speaker) -> Noun | None:
    if speaker.absent or speaker.chance(0.8):
        return speaker.family()
    return speaker.objects()
