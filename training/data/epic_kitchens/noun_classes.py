"""Noun classes of EPIC-KITCHENS: names as readable English, and the category of each."""

from __future__ import annotations

import ast
import csv
from dataclasses import dataclass
from pathlib import Path

from instructsam_ros.errors import InvalidInputError


@dataclass(frozen=True)
class NounClass:
    """A class. key: its name in readable English. instances: nouns that mean it. category: "utensils" ..."""

    id: int
    key: str
    instances: frozenset[str]
    category: str


def readable_noun(key: str) -> str:
    """Turn noun:modifier around ("board:chopping" is a "chopping board", "machine:sous:vide" a "sous vide
    machine"), with single spaces and small letters.
    """
    noun, *modifiers = key.lower().replace("_", " ").split(":")
    return " ".join(" ".join([*modifiers, noun]).split())


def read_noun_classes(path: Path) -> tuple[NounClass, ...]:
    """Read EPIC_100_noun_classes_v2.csv or HD_EPIC_noun_classes.csv: id, key, instances and category.

    Raises InvalidInputError for another file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_noun_class(row) for row in csv.DictReader(file))
    except OSError as error:
        raise InvalidInputError(f"cannot read the noun classes {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, SyntaxError) as error:
        raise InvalidInputError(
            f"{path} is no table of noun classes with id, key, instances and category: {error!r}"
        ) from None


def _noun_class(row: dict[str, str]) -> NounClass:
    instances = ast.literal_eval(row["instances"])
    names = frozenset(readable_noun(name) for name in [row["key"], *instances])
    return NounClass(int(row["id"]), readable_noun(row["key"]), names, row["category"])
