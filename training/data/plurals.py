"""Plurals of English nouns as data sets name objects ("chopping board", "glass of water").

Written by hand: inflect 7.6 adds an s to what has one ("tongs", "pants") and counts what is not counted.
"""

from __future__ import annotations

import re

IRREGULAR = {
    "calf": "calves", "child": "children", "foot": "feet", "goose": "geese", "half": "halves",
    "knife": "knives", "leaf": "leaves", "loaf": "loaves", "man": "men", "mouse": "mice", "ox": "oxen",
    "person": "people", "scarf": "scarves", "shelf": "shelves", "tooth": "teeth", "wolf": "wolves",
}  # fmt: skip
COMPOUNDED = ("child", "foot", "goose", "knife", "leaf", "man", "shelf", "tooth")
"""Irregular ones that end other words: "bookshelf", "snowman"."""
NOT_MEN = ("german", "human", "ottoman", "roman", "shaman", "talisman")
WITH_ES = ("domino", "echo", "hero", "mango", "potato", "tomato", "torpedo", "volcano")
"""Of the nouns in -o, those that take -es."""
UNCHANGED = (
    "aircraft", "asparagus", "bacon", "basil", "beef", "beer", "bread", "broccoli", "butter", "celery",
    "cheese", "clothing", "coffee", "corn", "cutlery", "deer", "dust", "fish", "flour", "food", "fruit",
    "furniture", "garlic", "gin", "ginger", "glassware", "grass", "ham", "heat", "honey", "hummus", "ice",
    "jewelry", "juice", "kale", "lettuce", "liquid", "mail", "meat", "milk", "money", "moose", "oil",
    "oregano", "parsley", "pasta", "pork", "popcorn", "powder", "rice", "rubbish", "salmon", "salt", "sauce",
    "sheep", "shrimp", "silverware", "soup", "spaghetti", "spinach", "steam", "sugar", "tea", "toast", "tofu",
    "turkey", "vinegar", "water", "wine", "yeast",
)  # fmt: skip
"""What is not counted, and what is the same in the plural."""
SINGULAR_IN_S = ("atlas", "bias", "canvas", "christmas", "gas", "lens", "pancreas")
"""Singulars in -s besides those in -ss, -us and -is."""


def plural(noun: str) -> str:
    """Return the plural of a noun phrase: of its head, which stands before "of" or last.

    A noun without another plural is returned as it is ("scissors", "rice", "sheep").
    """
    head, of, rest = noun.partition(" of ")
    start, last = re.fullmatch(r"(.*[ -])?(\S*?)", head.strip() or noun).groups("")  # type: ignore[union-attr]
    return start + _plural_word(last) + of + rest


def _plural_word(word: str) -> str:
    lower = word.lower()
    if lower in UNCHANGED or _is_plural(lower):
        return word
    if lower in IRREGULAR:
        return IRREGULAR[lower]
    if not lower.endswith(NOT_MEN):
        for end in COMPOUNDED:
            if lower.endswith(end):
                return word[: -len(end)] + IRREGULAR[end]
    if re.search(r"(s|sh|ch|x|z)$", lower) or lower in WITH_ES:
        return word + "es"
    if re.search(r"[^aeiou]y$", lower):
        return word[:-1] + "ies"
    return word + "s"


def _is_plural(word: str) -> bool:
    """Whether a word in -s has no singular without it, as "scissors" or "clothes"."""
    return word.endswith("s") and not word.endswith(("ss", "us", "is")) and word not in SINGULAR_IN_S
