"""Vocabulary of training instructions and their phrases, and its filler words."""

from __future__ import annotations

import re
from functools import cache

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.assets.nouns import everyday_nouns
from instructsam_ros.scenes.instructions.kinds_attributes import NUMBERS, SUBSTANCES
from instructsam_ros.scenes.instructions.kinds_spatial import DISTANCES, ORDINALS, SIDE_NAMES, SIZES
from instructsam_ros.scenes.instructions.noun_phrases import GROUP_NAMES, GROUP_PHRASES, OBJECT_PHRASE
from instructsam_ros.scenes.instructions.templates import Template, paraphrases

_SLOT = re.compile(r"\{(\w+)\}(most)?")
_WORD = re.compile(r"[a-z]+")


def training_texts() -> list[str]:
    """Return texts that together contain every word and sign of the training split."""
    return [*_around_nouns(), *_meaningful()]


@cache
def filler_words() -> frozenset[str]:
    """Return the lower-case words without effect on the meaning: "please", "segment", "could"."""
    return (_words(_around_nouns()) - _words(_meaningful())) | set(paraphrases().redundant)


def _around_nouns() -> list[str]:
    phrasings = paraphrases()
    return [
        *_trained(phrasings.sentence_templates),
        *phrasings.verbs,
        *(filler for side in phrasings.fillers.values() for filler in side),
    ]


def _meaningful() -> list[str]:
    phrasings = paraphrases()
    tables = (phrasings.relations, phrasings.purposes, phrasings.situations)
    return [
        *_trained(phrasings.constructs),
        *(text for table in tables for texts in table.values() for text in texts),
        *(name for noun in everyday_nouns().values() for pair in noun.all_names for name in pair),
        *(color for entry in CATALOGUE.values() for color in entry.colors),
        *(name for names in GROUP_NAMES.values() for pair in names for name in pair),
        *(entry.phrase for entry in AFFORDANCES.values()),
        *GROUP_PHRASES.values(),
        *(form for side in SIDE_NAMES for form in (side, f"{side}most")),
        *NUMBERS.values(),
        *ORDINALS.values(),
        *(word for pair in SUBSTANCES.items() for word in pair),
        *SIZES,
        *DISTANCES,
        *["one", "ones", "an", "piece", "pieces", "of", "food", ",", ".", "?"],
        *(OBJECT_PHRASE, f"{OBJECT_PHRASE}s"),
    ]


def _trained(families: dict[str, tuple[Template, ...]]) -> list[str]:
    """Templates of the training split without their slots."""
    return [_SLOT.sub(" ", t.text) for family in families.values() for t in family if not t.held_out]


def _words(texts: list[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text.lower()))
