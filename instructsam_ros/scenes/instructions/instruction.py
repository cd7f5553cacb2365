"""One instruction with its exact answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instructsam_ros.scenes.instructions.logical_form import Level
from instructsam_ros.scenes.instructions.templates import Form

Cardinality = Literal["one", "many", "all", "none"]


@dataclass(frozen=True)
class Mention:
    """A noun phrase of an instruction, as it is written there, and the objects that it stands for; none if
    no such thing is in the picture. place: whether what is asked for is only related to it.
    """

    text: str
    ids: tuple[int, ...]
    is_anchor: bool = False


@dataclass(frozen=True)
class Instruction:
    """What is asked, and which objects answer it.

    kind: which sort of reference (see docs/scenes.md). cardinality: "all" = all that the noun names,
    "many" = several of them. template: "construct|carrier" ids of templates.yaml. targets: object
    ids, ascending, empty for no target. phrase: canonical noun phrase that follows from the meaning
    alone; phrase_ids: all objects it surely names, whatever relation, rank or exception follows.
    mentions: what is asked for and what it is related to ("the mug", "the red bowl").
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
        """Whether it asks for, or relates to, something that is not in the picture."""
        content_is_missing = self.kind == "host_with" and any(not mention.ids for mention in self.mentions)
        return not self.phrase_ids or self.anchor_is_absent or content_is_missing

    @property
    def anchor_is_absent(self) -> bool:
        """Whether it relates what it asks for to something that is not in the picture."""
        return any(mention.is_anchor and not mention.ids for mention in self.mentions)
