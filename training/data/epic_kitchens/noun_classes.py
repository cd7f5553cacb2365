"""Noun classes of EPIC-KITCHENS: names as readable English, and the category of each."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from instructsam_ros.training.data.csv_files import Row, read_rows


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
    expected = "table of noun classes with id, key, instances and category"
    return tuple(read_rows(path, _noun_class, expected))


def _noun_class(row: Row) -> NounClass:
    instances = ast.literal_eval(row["instances"])
    names = frozenset(readable_noun(name) for name in [row["key"], *instances])
    return NounClass(int(row["id"]), readable_noun(row["key"]), names, row["category"])
