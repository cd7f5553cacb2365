"""Stages of a training file: runs one after the other, each from the weights of the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.config import (
    InstructSamTrainSettings,
    TrainSettings,
    check_data,
    settings_from,
)
from instructsam_ros.yaml_config import load_mapping

Settings = TrainSettings | InstructSamTrainSettings


def load_stages(path: str | Path, overrides: Sequence[str] = ()) -> list[Settings]:
    """Read a training file as the runs that it asks for, and check that their data is there.

    A file without ``stages`` is one run. Otherwise each of them is a mapping of a ``name`` and of settings in
    place of the file's; it runs in the folder ``out/NAME`` and starts from the weights of the stage before,
    the first one from ``backbone`` and ``init`` of the file. overrides: ``dotted.key=value``, of all stages.

    Raises ConfigError that names the key, and InvalidInputError for a folder without views.
    """
    stages = read_stages(path, overrides)
    for each in stages:
        check_data(each, path)
    return stages


def read_stages(path: str | Path, overrides: Sequence[str] = ()) -> list[Settings]:
    """Read the runs of a training file without a look at their data. Raises ConfigError."""
    values = load_mapping(path, overrides)
    if not isinstance(values, Mapping) or "stages" not in values:
        return [settings_from(values, str(path))]
    if values.get("objective", "compact") != "compact":
        raise ConfigError(f"{path}.stages: only objective: compact has stages; write a file per stage")
    return [settings_from(each, f"{path}.stages.{each_name}") for each_name, each in _of_stages(values, path)]


def open_stages(stages: Sequence[Settings], has_begun: Sequence[bool]) -> Iterator[Settings]:
    """The stages that may have something left to do: from the last one on that has begun, as a stage begins
    when the one before has ended.
    """
    begun = [place for place, each in enumerate(has_begun) if each]
    yield from stages[max(begun, default=0) :]


def _of_stages(values: Mapping[str, Any], path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the settings of each stage."""
    common = {key: value for key, value in values.items() if key != "stages"}
    stages = values["stages"]
    names: set[str] = set()
    if not isinstance(stages, list) or not stages:
        raise ConfigError(f"{path}.stages: expected a list of stages, each with a name, got {stages!r}")
    before = None
    for stage in stages:
        name = stage.get("name") if isinstance(stage, Mapping) else None
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name) or name in names:
            raise ConfigError(
                f"{path}.stages: every stage needs a name of its own, of letters, digits, - and _, "
                f"and not {name!r}"
            )
        names.add(name)
        changes = {key: value for key, value in stage.items() if key != "name"}
        if given := changes.keys() & {"out", "init", "backbone", "model", "objective"}:
            raise ConfigError(f"{path}.stages.{name}: {', '.join(sorted(given))} is of the whole file")
        merged = _merged(common, changes)
        merged["out"] = str(Path(str(common.get("out", ""))) / name)
        if before is not None:
            merged = {**merged, "init": before, "backbone": ""}
        before = merged["out"]
        yield name, merged


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others in their place, mappings inside likewise."""
    merged = dict(values)
    for key, value in changes.items():
        inner = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            merged[key] = _merged(inner, value)
        else:
            merged[key] = value
    return merged
