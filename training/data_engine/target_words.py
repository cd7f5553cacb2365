"""Words that name a target, and whether a text uses them. Reasoning descriptions must not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from instructsam_ros.scenes.assets.nouns import everyday_nouns, noun_of
from instructsam_ros.training.data.plurals import plural

TOO_GENERAL = frozenset(
    ("pair", "piece", "set", "of", "a", "an", "the", "in", "on", "with", "for", "to", "and")
)
"""Words of names that name nothing by themselves."""


def target_words(noun: str) -> tuple[str, ...]:
    """Return the names of an object, in small letters: its noun, the noun's synonyms and the last words of
    these, which name the object alone ("mug" of "coffee mug"), all with their plurals, sorted.

    Synonyms are those of ``instructsam_ros/data/nouns.yaml``; another noun has none.
    """
    names = {noun.lower().strip()}
    key = noun_of(noun)
    if key:
        entry = everyday_nouns()[key]
        names |= {name for pair in entry.all_names for name in pair}
    heads = {re.split(r" (?:of|for|with) ", name)[0].split()[-1] for name in names if name}
    names |= heads - TOO_GENERAL
    names |= {plural(name) for name in names}
    return tuple(sorted(name for name in names if len(name) > 1))


def used_words(text: str, words: Iterable[str]) -> list[str]:
    """Return those of ``words`` that a text contains as whole words, in any case, a hyphen as a space."""
    plain = re.sub(r"[\s\-_]+", " ", text.lower())
    return [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain)]
