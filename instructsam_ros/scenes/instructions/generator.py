"""Random instructions about a view, balanced over levels and kinds, with exact answers only."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from instructsam_ros.scenes.instructions import kinds_affordances, kinds_attributes, kinds_spatial
from instructsam_ros.scenes.instructions.drafting import Draft, Level, Speaker
from instructsam_ros.scenes.instructions.instruction import Cardinality, Instruction, Mention
from instructsam_ros.scenes.instructions.noun_phrases import NOWHERE
from instructsam_ros.scenes.instructions.realization import put_into_words
from instructsam_ros.scenes.instructions.scene_facts import Picture
from instructsam_ros.scenes.instructions.three_valued_logic import exact, members

Kind = Callable[[Speaker], Draft | None]

# kind -> how often it is tried
KINDS: dict[Level, dict[Kind, float]] = {
    "concept": {kinds_attributes.concept: 4, kinds_attributes.concept_group: 1},
    "simple": {
        kinds_attributes.name: 1,
        kinds_attributes.every: 1.2,
        kinds_attributes.everything: 0.7,
        kinds_attributes.attribute: 1.5,
        kinds_attributes.color_all: 1.2,
        kinds_attributes.color_one: 0.6,
        kinds_attributes.material: 1,
        kinds_attributes.count: 1.2,
        kinds_attributes.union: 1,
        kinds_attributes.except_color: 2,
        kinds_attributes.not_color: 1,
        kinds_attributes.except_one: 1,
        kinds_spatial.relation: 3,
        kinds_spatial.relation_count: 1.5,
        kinds_spatial.relation_all: 1.5,
        kinds_spatial.except_relation: 2,
        kinds_spatial.not_related: 1,
        kinds_spatial.beside: 2,
        kinds_spatial.beside_all: 1.5,
        kinds_spatial.size_superlative: 2,
        kinds_spatial.side_superlative: 1.5,
        kinds_spatial.distance_superlative: 1.2,
        kinds_spatial.top_k: 2.5,
        kinds_spatial.top_k_side: 1.5,
        kinds_spatial.ordinal: 2.5,
        kinds_spatial.near: 2,
        kinds_spatial.on_or_in: 3,
    },
    "complex": {
        kinds_affordances.purpose: 4,
        kinds_affordances.purpose_not_color: 2.5,
        kinds_affordances.purpose_color: 1.5,
        kinds_affordances.purpose_related: 2,
        kinds_affordances.purpose_size: 2,
        kinds_affordances.food: 0.5,
        kinds_affordances.not_food: 0.5,
        kinds_affordances.host: 3,
        kinds_affordances.host_with: 2,
        kinds_affordances.empty: 3,
        kinds_affordances.same_color: 1,
        kinds_affordances.between: 2,
    },
}
LEVEL_SHARE: dict[Level, float] = {"concept": 0.2, "simple": 0.5, "complex": 0.3}
ABSENT_SHARE = 0.23
MOST_TARGETS = 10
FEWEST_THINGS = 3
_KINDS_TRIED = 8
_HEAD_SLOTS = ("n", "ns", "bare", "bares", "purpose", "situation")
_TRIES = 8  # per kind, so that rare kinds get their share; most drafts fail because somebody could argue
_PART_OF_THE_NAMED = frozenset({
    "rel", "rel_count", "rel_all", "except_color", "except_one", "except_rel", "topk", "topk_side", "host_on",
    "aff_not", "aff_rel", "host", "host_with", "empty", "same", "between", "beside", "beside_all",
})  # fmt: skip


def instructions(
    meta: dict[str, Any],
    rng: np.random.Generator,
    count: int,
    *,
    split: Literal["train", "heldout"] = "train",
) -> list[Instruction]:
    """Up to ``count`` different instructions about a view; fewer where little can be said.

    split: "train" keeps to wordings and colour-category pairs that are not held out, "heldout" uses
    all. About a fifth have no target, in every kind that can have none. At most 10 targets.
    """
    picture = Picture(meta)
    speaker = Speaker(picture, random.Random(int(rng.integers(1 << 62))), split)
    if len(speaker.seen) < FEWEST_THINGS:
        return []
    found: dict[str, Instruction] = {}
    for _ in range(count):
        instruction = _one_instruction(speaker, found)
        if instruction is not None:
            found[instruction.text] = instruction
    return list(found.values())


def _one_instruction(speaker: Speaker, known: dict[str, Instruction]) -> Instruction | None:
    level = speaker.random.choices(list(LEVEL_SHARE), list(LEVEL_SHARE.values()))[0]
    absent = speaker.chance(ABSENT_SHARE)
    kinds, weights = list(KINDS[level]), list(KINDS[level].values())
    for _ in range(_KINDS_TRIED):
        kind = speaker.random.choices(kinds, weights)[0]
        for _ in range(_TRIES):
            speaker.absent = absent
            draft = kind(speaker)
            instruction = draft and phrase_draft(speaker, draft, absent=absent)
            if instruction and instruction.text not in known:
                return instruction
    return None


def phrase_draft(speaker: Speaker, draft: Draft, *, absent: bool) -> Instruction | None:
    """Put a draft into words if its answer is exact and as wanted (without or with a target)."""
    targets = members(draft.answer)
    if not exact(draft.answer) or absent != (not targets) or len(targets) > MOST_TARGETS:
        return None
    if draft.unique and len(targets) > 1:
        return None
    named = members(draft.head.named)
    if draft.excludes and targets and len(named) <= len(targets):
        return None  # an exception that excepts nothing
    sentence = put_into_words(speaker, draft, len(targets))
    if sentence is None:
        return None
    return Instruction(
        text=sentence.text,
        level=draft.level,
        kind=draft.construct,
        cardinality=_cardinality(draft, len(targets), len(named)),
        form=sentence.form,
        template=sentence.template,
        targets=targets,
        phrase=draft.head.phrase,
        phrase_ids=named,
        mentions=_mentions(speaker, draft, sentence.text),
    )


def _mentions(speaker: Speaker, draft: Draft, text: str) -> tuple[Mention, ...]:
    """The head noun, or what it is for, the anchor and other nouns, as far as the wording uses them. A noun
    that says less than the head is left out: in "the mug that is red", "the mug" is any mug.
    """
    head = [draft.slots[slot].rstrip(".") for slot in _HEAD_SLOTS if slot in draft.slots]
    written = [words for words in head if draft.head.color in words and _occurs(words, text)]
    named = members(draft.head.named)
    found = [Mention(max(written, key=len), named)] if written and (named or exact(draft.head.named)) else []
    found += [Mention(words, members(named)) for words, named in draft.others.items() if exact(named)]
    slots = [draft.slots[slot] for slot in ("anchor", "second") if slot in draft.slots]
    for place in (words for words in slots if words not in draft.others):
        thing = speaker.anchors[place]
        found.append(Mention(place, () if thing == NOWHERE else (thing,), place=True))
    return tuple(mention for mention in found if _occurs(mention.text, text))


def _occurs(words: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text, re.IGNORECASE) is not None


def _cardinality(draft: Draft, targets: int, named: int) -> Cardinality:
    if targets <= 1:
        return "one" if targets else "none"
    # "Everything except the knife", where there is none, leaves nothing out.
    part = targets < named or draft.construct != "except_one"
    return "many" if part and draft.construct in _PART_OF_THE_NAMED else "all"
