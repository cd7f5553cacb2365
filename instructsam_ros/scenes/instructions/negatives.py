"""Absent-anchor negatives: an instruction whose anchor is replaced by an object absent from the scene."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions.instruction import Instruction, Mention
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.kinds_spatial import DISHES
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts

ANCHORED_KINDS = frozenset({
    "rel", "rel_count", "rel_all", "near", "beside", "beside_all", "host_on", "aff_rel", "same", "between",
})  # fmt: skip
"""Kinds that have no target when their anchor is absent; others ("everything except the ones left of the
bowl") gain targets.
"""


def absent_anchor_negative(
    instruction: Instruction, meta: dict[str, Any], rng: np.random.Generator
) -> Instruction | None:
    """Replace an anchor by one absent from the scene, which leaves the instruction without a target.

    meta: annotations of the instruction's view. Anchors are named as in training. Returns None for
    instructions without an anchor or target, if no absent anchor is found, and if the anchor's name occurs
    in another sense, too ("the orange mug left of the orange").
    """
    places = [mention for mention in instruction.mentions if mention.is_anchor and mention.ids]
    if instruction.kind not in ANCHORED_KINDS or not instruction.targets or not places:
        return None
    sampler = InstructionSampler(SceneFacts(meta), random.Random(int(rng.integers(1 << 62))), "train")
    gone = sampler.pick(places)
    if len(_named(gone.text).findall(instruction.text)) != 1:
        return None
    missing = sampler.absent_anchor(*_suitable_categories(instruction, sampler.facts))
    if missing is None:
        return None
    absent_anchor = Mention(missing.text, (), is_anchor=True)
    return replace(
        instruction,
        text=_renamed(instruction.text, gone.text, missing.text),
        cardinality="none",
        targets=(),
        mentions=tuple(absent_anchor if mention is gone else mention for mention in instruction.mentions),
    )


def _suitable_categories(instruction: Instruction, facts: SceneFacts) -> Iterable[str]:
    """Return the categories that suit the rest of the text as an anchor; empty if all do."""
    if instruction.kind == "same":
        return CATALOGUE  # without a colour, see kinds_affordances.same_color
    if instruction.kind == "host_on":
        return DISHES[facts.objects[instruction.targets[0]].relation or "on"]
    return ()


def _renamed(text: str, old: str, new: str) -> str:
    """Replace the noun phrase ``old`` by ``new``, keeping its capital."""

    def spelled(match: re.Match[str]) -> str:
        return new[0].upper() + new[1:] if match[0][0].isupper() else new

    return _named(old).sub(spelled, text)


def _named(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(words)}\b", re.IGNORECASE)
