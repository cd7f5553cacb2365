"""Nouns and purposes that a view brings along, beside those of the package. See AssetCatalogue.lexicon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.scenes.instructions.templates import paraphrases


@dataclass(frozen=True)
class Lexicon:
    """nouns: by canonical singular. purposes: by name. Both as in the annotations of a view."""

    nouns: dict[str, dict[str, Any]]
    purposes: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, meta: dict[str, Any]) -> Lexicon:
        """Read the lexicon of a view's annotations, empty for scenes of the package's own objects."""
        stored = meta.get("lexicon") or {}
        return cls(stored.get("nouns", {}), stored.get("purposes", {}))

    def __bool__(self) -> bool:
        """Return whether it has a noun."""
        return bool(self.nouns)

    def names(self, category: str) -> tuple[tuple[str, str], ...]:
        """Return the (singular, plural) pairs of a noun of the view or package, the canonical pair first."""
        if category in self.nouns:
            return tuple((one, many) for one, many in self.nouns[category]["names"])
        return KNOWN_CATEGORIES[category].names

    def colors(self, category: str) -> tuple[str, ...]:
        """Return the colours in which a noun of the view or package comes."""
        if category in self.nouns:
            return tuple(self.nouns[category]["colors"])
        return KNOWN_CATEGORIES[category].colors

    def also(self, category: str) -> frozenset[str]:
        """Return the more general nouns that name the category as well."""
        return frozenset(self.nouns.get(category, {}).get("also", ()))

    def unsure(self, category: str) -> frozenset[str]:
        """Return the nouns that may name an object of the category: lookalikes, and more specific ones."""
        own = self.nouns.get(category, {}).get("lookalikes", ())
        others = (
            noun
            for noun, entry in self.nouns.items()
            if category in entry["lookalikes"] or category in entry["also"]
        )
        return frozenset((*own, *others))

    def affordances(self, category: str) -> frozenset[str]:
        """Return the purposes that an object of the category serves for certain."""
        if category in self.nouns:
            return frozenset(self.nouns[category]["affordances"])
        return frozenset(name for name, entry in AFFORDANCES.items() if category in entry.sure)

    def perhaps(self, category: str) -> frozenset[str]:
        """Return the groups and purposes that are arguable for the category."""
        if category in self.nouns:
            return frozenset(self.nouns[category]["perhaps"])
        return frozenset(name for name, entry in AFFORDANCES.items() if category in entry.ambiguous)

    def purpose_names(self) -> list[str]:
        """List the purposes that have a wording."""
        return [*paraphrases().purposes, *self.purposes]

    def purpose_phrase(self, name: str) -> str:
        """Return the canonical noun phrase of a purpose."""
        return str(self.purposes[name]["phrase"]) if name in self.purposes else AFFORDANCES[name].phrase

    def purpose_texts(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what follows "something to", and the situations, of a purpose."""
        if name in self.purposes:
            entry = self.purposes[name]
            return tuple(entry["purposes"]), tuple(entry["situations"])
        return paraphrases().purposes[name], paraphrases().situations[name]

    def texts(self) -> list[str]:
        """List the names, phrases and wordings of its own nouns and purposes."""
        names = [name for entry in self.nouns.values() for pair in entry["names"] for name in pair]
        wordings = [
            text
            for entry in self.purposes.values()
            for text in (entry["phrase"], *entry["purposes"], *entry["situations"])
        ]
        return [*names, *wordings]

    def mentions(self, word: str) -> bool:
        """Return whether a name of one of its nouns is, or ends in, a word."""
        names = (name for entry in self.nouns.values() for pair in entry["names"] for name in pair)
        return any(name == word or name.endswith(f" {word}") for name in names)
