"""The noun phrase of an answer, where an annotation holds the instruction only."""

from __future__ import annotations


def as_phrase(instruction: str) -> str:
    """Return the instruction as a phrase, as the released training does: first letter small, no full stop."""
    text = instruction.strip().removesuffix(".") or instruction
    return text[:1].lower() + text[1:]
