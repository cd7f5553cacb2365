"""The same instruction without an answer: "the mug left of the bowl", about a bowl that is not there."""

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
"""Kinds that find nothing where the place that they name is missing; others ("everything except the ones left
of the bowl") find more.
"""


def absent_anchor_negative(
    instruction: Instruction, meta: dict[str, Any], rng: np.random.Generator
) -> Instruction | None:
    """The instruction in the same words, about a place that is not in the picture, and so without a target.

    meta: of the view that it is about. Places are named as in training. None for instructions without a
    place or without a target, where no missing place is found, and where the place's name comes up in another
    sense, too ("the orange mug left of the orange").
    """
    places = [mention for mention in instruction.mentions if mention.is_anchor and mention.ids]
    if instruction.kind not in ANCHORED_KINDS or not instruction.targets or not places:
        return None
    sampler = InstructionSampler(SceneFacts(meta), random.Random(int(rng.integers(1 << 62))), "train")
    gone = sampler.pick(places)
    if len(_named(gone.text).findall(instruction.text)) != 1:
        return None
    missing = sampler.absent_anchor(*_fitting(instruction, sampler.facts))
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


def _fitting(instruction: Instruction, facts: SceneFacts) -> Iterable[str]:
    """Categories that could be such a place as far as the other words tell; none if all could."""
    if instruction.kind == "same":
        return CATALOGUE  # without a colour, see kinds_purposes.same_color
    if instruction.kind == "host_on":
        return DISHES[facts.objects[instruction.targets[0]].relation or "on"]
    return ()


def _renamed(text: str, old: str, new: str) -> str:
    """``text`` with another noun phrase in place of ``old``, with a capital where that had one."""

    def spelled(match: re.Match[str]) -> str:
        return new[0].upper() + new[1:] if match[0][0].isupper() else new

    return _named(old).sub(spelled, text)


def _named(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(words)}\b", re.IGNORECASE)
