"""Forms of the replies of the Inst2Seg stages."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)]
Box = tuple[float, float, float, float]
SCALE = 1000.0
"""Boxes are in thousandths of the image's sides."""


@dataclass(frozen=True)
class Ground:
    """How many objects a question means: low to high, both inclusive."""

    low: int
    high: float

    def holds(self, count: int) -> bool:
        """Whether so many objects agree with it."""
        return self.low <= count <= self.high


def parse_ground(text: str) -> Ground:
    """Read a ground: none, one, exactly N, at least N, all. Raises ValueError."""
    plain = " ".join(text.lower().split())
    if plain in ("none", "exactly 0"):
        return Ground(0, 0)
    if plain == "one":
        return Ground(1, 1)
    if plain == "all":
        return Ground(1, math.inf)
    match = re.fullmatch(r"(exactly|at least) (\d{1,2})", plain)
    if not match or int(match[2]) < 1:
        raise ValueError(f"ground is {text!r}, not none, one, exactly N, at least N or all")
    count = int(match[2])
    return Ground(count, count if match[1] == "exactly" else math.inf)


class Question(BaseModel):
    """A question, its answer as a noun phrase, and how many objects it means."""

    level: Literal["concept", "simple", "complex"]
    question: Text
    answer: Text
    ground: str

    @field_validator("ground")
    @classmethod
    def _check_ground(cls, text: str) -> str:
        parse_ground(text)
        return " ".join(text.lower().split())


class Questions(BaseModel):
    """The reply of stage 1."""

    questions: list[Question] = Field(min_length=1, max_length=40)


class Target(BaseModel):
    """Objects that questions have in common. boxes: x0, y0, x1, y1 in thousandths of the sides."""

    object_id: Text | Annotated[str, Field(min_length=1, max_length=1)]
    noun: Text
    questions: list[int] = Field(min_length=1)
    boxes: list[Box] = Field(max_length=100)

    @field_validator("boxes")
    @classmethod
    def _check_boxes(cls, boxes: list[Box]) -> list[Box]:
        for x0, y0, x1, y1 in boxes:
            if not (0 <= x0 < x1 <= SCALE and 0 <= y0 < y1 <= SCALE):
                raise ValueError(
                    f"[{x0:g}, {y0:g}, {x1:g}, {y1:g}] is no box left, top, right, bottom in 0..1000"
                )
        return boxes


class Targets(BaseModel):
    """The reply of stage 2."""

    targets: list[Target]

    def problem(self, questions: int) -> str:
        """What is wrong with the assignment of so many questions; "" for nothing."""
        named = [number for target in self.targets for number in target.questions]
        if sorted(named) != list(range(questions)):
            last = questions - 1
            return f"every question 0 to {last} must belong to exactly one target, the reply has {named}"
        ids = [target.object_id for target in self.targets]
        return "two targets have the same object_id" if len(set(ids)) < len(ids) else ""


class Verdict(BaseModel):
    """The judgement of a question."""

    question: int
    accept: bool
    reason: str = ""


class Verdicts(BaseModel):
    """The reply of the second look."""

    verdicts: list[Verdict]

    def problem(self, questions: int) -> str:
        """What is missing for so many questions; "" for nothing."""
        if sorted(verdict.question for verdict in self.verdicts) != list(range(questions)):
            return f"there must be one verdict for each question 0 to {questions - 1}"
        return ""
