"""Sentence templates and paraphrases of templates.yaml, with the templates held out from training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from instructsam_ros.scenes.sampling.splits import manifest
from instructsam_ros.yaml_config import parse_mapping

Form = Literal["declarative", "question", "phrase"]
Table = Literal["sentence_templates", "constructs"]


@dataclass(frozen=True)
class Template:
    """A sentence template. id: frozen name such as "one.pick_up" or "rel.many.plain". text: with {slots}."""

    id: str
    text: str

    @property
    def form(self) -> Form:
        """Return the sentence type."""
        if self.text == "{x}":
            return "phrase"
        return "question" if self.text.endswith("?") else "declarative"

    @property
    def held_out(self) -> bool:
        """Return whether it is excluded from training."""
        return self.id in manifest().templates


@dataclass(frozen=True)
class Paraphrases:
    """Sentence templates and constructs by family ("one", "rel.many"), the other tables by topic.

    verbs: values of the slot of that name in a sentence template. redundant: words of constructs without
    effect on the meaning.
    """

    sentence_templates: dict[str, tuple[Template, ...]]
    constructs: dict[str, tuple[Template, ...]]
    relations: dict[str, tuple[str, ...]]
    fillers: dict[str, tuple[str, ...]]
    purposes: dict[str, tuple[str, ...]]
    situations: dict[str, tuple[str, ...]]
    verbs: tuple[str, ...]
    redundant: tuple[str, ...]

    def choices(self, table: Table, family: str, split: str) -> tuple[Template, ...]:
        """Return the templates of a family that a split may use; empty if the kind has no such family."""
        templates: tuple[Template, ...] = getattr(self, table).get(family, ())
        return templates if split != "train" else tuple(t for t in templates if not t.held_out)


@cache
def paraphrases() -> Paraphrases:
    """Load the tables shipped with the package."""
    path = Path(__file__).with_name("templates.yaml")
    data = parse_mapping(path.read_text(), str(path))
    constructs = {
        f"{kind}.{number}": _templates(f"{kind}.{number}", entries)
        for kind, numbers in data["constructs"].items()
        for number, entries in numbers.items()
    }
    sentence_templates = {
        number: _templates(number, entries) for number, entries in data["sentence_templates"].items()
    }
    return Paraphrases(
        sentence_templates,
        constructs,
        relations=_tuples(data["relations"]),
        fillers=_tuples(data["fillers"]),
        purposes=_tuples(data["purposes"]),
        situations=_tuples(data["situations"]),
        verbs=tuple(data["verbs"]),
        redundant=tuple(data["redundant"]),
    )


@cache
def usable(table: Table, family: str, split: str) -> tuple[Template, ...]:
    """Return ``paraphrases().choices``, cached."""
    return paraphrases().choices(table, family, split)


def is_held_out(template: str) -> bool:
    """Return whether an instruction's template id contains a part that is excluded from training."""
    return any(part in manifest().templates for part in template.split("|"))


def _templates(prefix: str, entries: dict[str, str]) -> tuple[Template, ...]:
    return tuple(Template(f"{prefix}.{name}", text) for name, text in entries.items())


def _tuples(table: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(values) for key, values in table.items()}
