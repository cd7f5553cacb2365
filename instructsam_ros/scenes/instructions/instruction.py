"""An instruction with its ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instructsam_ros.scenes.instructions.logical_form import Level
from instructsam_ros.scenes.instructions.templates import Form

Cardinality = Literal["one", "many", "all", "none"]


@dataclass(frozen=True)
class Mention:
    """A noun phrase of an instruction, verbatim, with the ids of its referents; empty if they are absent.

    is_anchor: whether it is an anchor of a relation rather than part of the target description.
    """

    text: str
    ids: tuple[int, ...]
    is_anchor: bool = False


@dataclass(frozen=True)
class Instruction:
    """A text with its target objects.

    kind: sort of reference, see docs/scenes.md. cardinality: "all" = all that the noun names,
    "many" = several of them. template: "construct|sentence template" ids of templates.yaml. targets: object
    ids, ascending, empty for no target. phrase: canonical noun phrase that follows from the meaning
    alone; phrase_ids: all its unambiguous referents, before any relation, rank or exception.
    mentions: noun phrases of targets and anchors ("the mug", "the red bowl").
    """

    text: str
    level: Level
    kind: str
    cardinality: Cardinality
    form: Form
    template: str
    targets: tuple[int, ...]
    phrase: str
    phrase_ids: tuple[int, ...]
    mentions: tuple[Mention, ...]

    @property
    def has_absent_referent(self) -> bool:
        """Return whether a target description or an anchor has no referent in the scene."""
        content_is_missing = self.kind == "host_with" and any(not mention.ids for mention in self.mentions)
        return not self.phrase_ids or self.anchor_is_absent or content_is_missing

    @property
    def anchor_is_absent(self) -> bool:
        """Return whether an anchor has no referent in the scene."""
        return any(mention.is_anchor and not mention.ids for mention in self.mentions)
