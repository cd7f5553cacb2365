"""Prompts of the engines, in YAML files with a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import build, load_mapping

FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """What a stage tells the model. system: its role and the form of the reply. user: the request, with
    ``$name`` in place of values.
    """

    system: str
    user: str

    def fill(self, values: Mapping[str, str]) -> str:
        """The request with values. Raises ConfigError for one that is missing."""
        try:
            return Template(self.user).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigError(f"a prompt uses a value that there is not: {error}") from None


@dataclass(frozen=True)
class Prompts:
    """The prompts of an engine. version: goes into the provenance of records; raise it with every change."""

    version: int
    stages: dict[str, dict[str, str]]

    def __getitem__(self, stage: str) -> Prompt:
        return build(Prompt, self.stages[stage], f"stages.{stage}")


def load_prompts(engine: str, path: Path | None = None) -> Prompts:
    """Load the prompts of an engine, or those of a user's file in the same form.

    Raises ConfigError for a file of another form, or without one of the stages.
    """
    own = build(Prompts, load_mapping(FOLDER / f"{engine}.yaml"), f"{engine}.yaml")
    if path is None:
        return own
    prompts = build(Prompts, load_mapping(path), str(path))
    if missing := own.stages.keys() - prompts.stages.keys():
        raise ConfigError(f"{path}: there is no stage {', '.join(sorted(missing))}")
    for stage in own.stages:
        _ = prompts[stage]
    return prompts
