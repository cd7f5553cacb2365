"""Nouns in the names of HD-EPIC's objects, which annotators wrote by hand ("plate2", "Track 31")."""

from __future__ import annotations

import re

UNNAMED = re.compile(
    r"^(new )?track\b|\b(unknown|no clue|to be deleted|problematic|obj|object|picked (up|from))\b"
)
"""Names that stand for "no name", or tell a story."""
ORDINALS = re.compile(
    r"first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\w+teenth|\w+tieth"
    r"|another|other|one"
)
LONGEST = 6
"""Words of a noun phrase."""


def object_noun(name: str) -> str | None:
    """Return the noun of an object's name, None for a name without one.

    What tells instances apart is left out (numbers, "second"); numbers of the noun stay ("v60 filter").
    """
    text = re.sub(r"\(.*?\)", " ", name.lower().replace("_", " "))
    text = re.sub(r"[\s-]*\d+([\s-]\d+)*\s*$", "", text)
    text = re.sub(r"([a-z]{3,})\d+(-\d+)?\b", r"\1", text)
    if UNNAMED.search(text):
        return None
    words = [word for word in text.split() if not ORDINALS.fullmatch(word)]
    if words and words[0] in ("the", "a", "an"):
        words = words[1:]
    is_clear = all(not re.search(r"[a-z]{2,}\d|^\d+$|[^\w'\-&]", word) for word in words)
    return " ".join(words) if is_clear and 0 < len(words) <= LONGEST else None


def unknown_words(noun: str, known: frozenset[str]) -> list[str]:
    """Return the words of a noun that are not ``known``, as typing errors are not."""
    return [word for word in words_of(noun) if word not in known]


def words_of(noun: str) -> list[str]:
    """Return the words of a noun, parts of hyphenated ones each."""
    return re.split(r"[\s\-]+", noun)
