"""Generator of instructions about a view: balanced over levels and kinds, unambiguous answers only."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from instructsam_ros.scenes.instructions import kinds_affordances, kinds_attributes, kinds_spatial
from instructsam_ros.scenes.instructions.instruction import Cardinality, Instruction, Mention
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.logical_form import Level, LogicalForm
from instructsam_ros.scenes.instructions.noun_phrases import NO_ANCHOR
from instructsam_ros.scenes.instructions.realization import realize
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.three_valued_logic import exact, members

Kind = Callable[[InstructionSampler], LogicalForm | None]

# kind -> relative frequency
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
NEGATIVE_SHARE = 0.23
MAX_TARGETS = 10
MIN_OBJECTS = 3
_KINDS_TRIED = 8
_HEAD_SLOTS = ("n", "ns", "bare", "bares", "purpose", "situation")
_TRIES = 8  # per kind, so that rare kinds get their share; most logical forms are ambiguous
_RESTRICTING_KINDS = frozenset({
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
    """Generate up to ``count`` distinct instructions about a view; fewer for sparse scenes.

    split: "train" keeps to templates and colour-category pairs that are not held out; "heldout", the
    validation split, uses all. About a fifth have no target, in every kind that can have none; none has
    more than 10.
    """
    facts = SceneFacts(meta)
    sampler = InstructionSampler(facts, random.Random(int(rng.integers(1 << 62))), split)
    if len(sampler.seen) < MIN_OBJECTS:
        return []
    found: dict[str, Instruction] = {}
    for _ in range(count):
        instruction = draw_instruction(sampler, found, KINDS)
        if instruction is not None:
            found[instruction.text] = instruction
    return list(found.values())


def draw_instruction(
    sampler: InstructionSampler,
    known: Mapping[str, Instruction],
    table: Mapping[Level, Mapping[Kind, float]],
) -> Instruction | None:
    """Draw a level, a kind of it from the table by its frequency, and an instruction that is not among the
    known ones (by text); None where some tries give none.
    """
    level = sampler.random.choices(list(LEVEL_SHARE), list(LEVEL_SHARE.values()))[0]
    negative = sampler.chance(NEGATIVE_SHARE)
    kinds, weights = list(table[level]), list(table[level].values())
    for _ in range(_KINDS_TRIED):
        kind = sampler.random.choices(kinds, weights)[0]
        for _ in range(_TRIES):
            sampler.negative = negative
            logical_form = kind(sampler)
            instruction = logical_form and realize_instruction(sampler, logical_form, negative=negative)
            if instruction and instruction.text not in known:
                return instruction
    return None


def realize_instruction(
    sampler: InstructionSampler, logical_form: LogicalForm, *, negative: bool
) -> Instruction | None:
    """Realize a logical form if its answer is unambiguous and has (or, for a negative, lacks) a target."""
    targets = members(logical_form.answer)
    if not exact(logical_form.answer) or negative != (not targets) or len(targets) > MAX_TARGETS:
        return None
    if logical_form.unique and len(targets) > 1:
        return None
    named = members(logical_form.head.named)
    if logical_form.excludes and targets and len(named) <= len(targets):
        return None  # an exception without effect
    sentence = realize(sampler, logical_form, len(targets))
    if sentence is None:
        return None
    return Instruction(
        text=sentence.text,
        level=logical_form.level,
        kind=logical_form.construct,
        cardinality=_cardinality(logical_form, len(targets), len(named)),
        form=sentence.form,
        template=sentence.template,
        targets=targets,
        phrase=logical_form.head.phrase,
        phrase_ids=named,
        mentions=_mentions(sampler, logical_form, sentence.text),
    )


def _mentions(sampler: InstructionSampler, logical_form: LogicalForm, text: str) -> tuple[Mention, ...]:
    """Collect the noun phrases of the text with their referents: head noun or purpose, anchors, others.

    A noun less specific than the head is left out: in "the mug that is red", "the mug" is any mug.
    """
    head = [logical_form.slots[slot].rstrip(".") for slot in _HEAD_SLOTS if slot in logical_form.slots]
    written = [words for words in head if logical_form.head.color in words and _occurs(words, text)]
    named = members(logical_form.head.named)
    found = (
        [Mention(max(written, key=len), named)]
        if written and (named or exact(logical_form.head.named))
        else []
    )
    found += [Mention(words, members(named)) for words, named in logical_form.others.items() if exact(named)]
    slots = [logical_form.slots[slot] for slot in ("anchor", "second") if slot in logical_form.slots]
    for place in (words for words in slots if words not in logical_form.others):
        item = sampler.anchors[place]
        found.append(Mention(place, () if item == NO_ANCHOR else (item,), is_anchor=True))
    return tuple(mention for mention in found if _occurs(mention.text, text))


def _occurs(words: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text, re.IGNORECASE) is not None


def _cardinality(logical_form: LogicalForm, targets: int, named: int) -> Cardinality:
    if targets <= 1:
        return "one" if targets else "none"
    # "Everything except the knife" excludes nothing if there is no knife.
    part = targets < named or logical_form.construct != "except_one"
    return "many" if part and logical_form.construct in _RESTRICTING_KINDS else "all"
