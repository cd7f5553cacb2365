"""Forms of the replies of the HMPL stages, and the rules for texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from instructsam_ros.training.data_engine.target_words import target_words, used_words

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=400)]
NEGATIVES = 4


class Pair(BaseModel):
    """A description as a statement and as a question."""

    statement: Text
    question: Text


class Description(BaseModel):
    """The reply of the annotator."""

    concept: Text
    simple: Pair
    complex: Pair
    negatives: list[Text] = Field(min_length=NEGATIVES, max_length=NEGATIVES)

    def texts(self) -> list[str]:
        """The four descriptions: simple and complex, statement and question."""
        return [self.simple.statement, self.simple.question, self.complex.statement, self.complex.question]

    def problem(self, noun: str) -> str:
        """Which rule a description of an object of this noun breaks; "" for none."""
        words = target_words(noun)
        heads = {*words, *target_words(self.concept)}
        simple, complex_ = self.simple, self.complex
        for name, text in (("statement", simple.statement), ("question", simple.question)):
            if not used_words(text, heads):
                return f"simple.{name} does not name the object ({noun})"
        if problem := complex_problem([complex_.statement, complex_.question], sorted(heads)):
            return problem
        if not (simple.question.endswith("?") and complex_.question.endswith("?")):
            return "a question does not end in a question mark"
        all_texts = [text.casefold() for text in (*self.texts(), *self.negatives)]
        return "two texts are the same" if len(set(all_texts)) < len(all_texts) else ""


def complex_problem(texts: Sequence[str], words: Sequence[str]) -> str:
    """Which words complex texts use although they name the target; "" for none."""
    used = sorted({word for text in texts for word in used_words(text, words)})
    return f"the complex text names the target: {', '.join(used)}" if used else ""


class Choices(BaseModel):
    """The reply of the inspector."""

    answers: list[Literal["A", "B", "C", "D", "E"]]

    def problem(self, items: int) -> str:
        """What is missing for so many items; "" for nothing."""
        return "" if len(self.answers) == items else f"there must be {items} answers"


class Polished(BaseModel):
    """Corrected texts of a person."""

    simple: Text
    complex: Text
    unchanged_meaning: bool
