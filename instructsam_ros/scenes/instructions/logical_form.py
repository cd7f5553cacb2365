"""The logical form of an instruction: its meaning before any wording is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from instructsam_ros.scenes.instructions.noun_phrases import Noun
from instructsam_ros.scenes.instructions.three_valued_logic import Selection

Level = Literal["concept", "simple", "complex"]


@dataclass(frozen=True)
class LogicalForm:
    """Represents the meaning of an instruction before it is realized as a sentence.

    construct: key of the constructs in templates.yaml. head: the noun phrase that a relation,
    superlative or exception restricts. answer: truth value of every object. slots: values for the
    construct's slots. unique: every construct is singular, so at most one object may be a target.
    excludes: the exception must remove some, but not all, of the head's referents. others: further
    noun phrases of the sentence, neither head nor anchor, with their referents.
    """

    level: Level
    construct: str
    head: Noun
    answer: Selection
    slots: dict[str, str] = field(default_factory=dict)
    unique: bool = False
    excludes: bool = False
    others: dict[str, Selection] = field(default_factory=dict)
