"""Everyday nouns with their plurals, synonyms and what is easily taken for them, from ``data/nouns.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from instructsam_ros.errors import ConfigError
from instructsam_ros.paths import DATA
from instructsam_ros.yaml_config import build, load_mapping

PATH = DATA / "nouns.yaml"


@dataclass(frozen=True)
class NounEntry:
    """A line of the file, see there. broader: its "is"."""

    RENAMED_KEYS: ClassVar[Mapping[str, str]] = {"is": "broader"}

    plural: str = ""
    synonyms: dict[str, str | None] = field(default_factory=dict)
    narrow: dict[str, str | None] = field(default_factory=dict)
    broader: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    affords: tuple[str, ...] = ()


@dataclass(frozen=True)
class EverydayNoun:
    """A noun. names: (singular, plural) pairs that any of its objects has, the canonical pair first.
    narrow_names: those that some of its objects have. broader: nouns that cover it, at any
    distance. confusable: nouns that may be said of the same object, be they broader, narrower or look-alikes.
    kinds, affords: groups and affordances that it surely has.
    """

    names: tuple[tuple[str, str], ...]
    narrow_names: tuple[tuple[str, str], ...]
    broader: frozenset[str]
    confusable: frozenset[str]
    kinds: tuple[str, ...]
    affords: frozenset[str]

    @property
    def all_names(self) -> tuple[tuple[str, str], ...]:
        """Return the names of any and of some of its objects."""
        return self.names + self.narrow_names


@cache
def everyday_nouns() -> Mapping[str, EverydayNoun]:
    """Return all nouns by canonical name, in the order of the file."""
    return parse_nouns(load_mapping(PATH), str(PATH))


def parse_nouns(values: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, EverydayNoun]:
    """Read nouns in the form of the file. Raises ConfigError that names the noun: for another form, a name
    that two nouns share, and for a noun that another line refers to and that is not there.
    """
    entries = {name: build(NounEntry, line, f"{where}.{name}") for name, line in values.items()}
    owner: dict[str, str] = {}
    for name, entry in entries.items():
        if missing := {*entry.broader, *entry.like} - entries.keys():
            raise ConfigError(f"{where}.{name}: there is no noun {min(missing)!r}")
        for own in (name, *entry.synonyms, *entry.narrow):
            if owner.setdefault(own, name) != name:
                raise ConfigError(f"{where}: {own!r} is a name of both {owner[own]!r} and {name!r}")
    return {name: _noun(name, entries) for name in entries}


def noun_of(text: str) -> str:
    """Return the noun that has a name or plural, in any case ("Tumblers" is "cup"); "" for none."""
    return _by_any_name().get(text.lower(), "")


def covered_nouns(labelled: Iterable[str]) -> frozenset[str]:
    """Return the nouns every object of which has a label, where all objects of the ``labelled`` ones do.

    These are the nouns and all that they cover: where all cups have a label, so have all mugs.
    """
    known = frozenset(labelled)
    return frozenset(name for name, noun in everyday_nouns().items() if known & {name, *noun.broader})


def absent_nouns(covered: frozenset[str], present: Iterable[str]) -> frozenset[str]:
    """Return the nouns that are certainly not to be seen: covered ones that name no present noun, not even
    loosely.
    """
    nouns = everyday_nouns()
    perhaps = {other for name in present for other in (name, *nouns[name].confusable)}
    return covered - perhaps


@cache
def _by_any_name() -> Mapping[str, str]:
    pairs = [(name, pair) for name, noun in everyday_nouns().items() for pair in noun.all_names]
    plurals = {many: name for name, (_, many) in pairs}
    return plurals | {one: name for name, (one, _) in pairs}


def _noun(name: str, entries: Mapping[str, NounEntry]) -> EverydayNoun:
    entry = entries[name]
    broader = _broader(name, entries)
    narrower = {other for other in entries if name in _broader(other, entries)}
    like = {other for other in entries if name in entries[other].like or other in entry.like}
    return EverydayNoun(
        names=_pairs({name: entry.plural, **entry.synonyms}),
        narrow_names=_pairs(entry.narrow),
        broader=frozenset(broader),
        confusable=frozenset(broader | narrower | like),
        kinds=entry.kinds,
        affords=frozenset(entry.affords),
    )


def _pairs(names: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((one, many or f"{one}s") for one, many in names.items())


def _broader(name: str, entries: Mapping[str, NounEntry]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in entries[waiting.pop()].broader:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
