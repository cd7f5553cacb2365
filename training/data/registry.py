"""Data sets by format name: a reader is a module of ``readers`` with ``Settings`` and ``read``."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data import readers
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.yaml_config import build, load_mapping, override

FORMATS = tuple(sorted(module.name for module in pkgutil.iter_modules(readers.__path__)))
"""Names of all formats, one per file of ``readers``."""


@dataclass(frozen=True)
class DataSet:
    """A data set on disk. settings: of the format's reader. weight: how often an epoch visits each sample."""

    format: str
    settings: Any
    weight: float = 1.0

    def read(self, broken: BrokenRecords) -> Iterator[Sample]:
        """Read samples in the order of the files, those of one image one after another.

        Raises InvalidInputError for what is no such data set, and for too many broken records.
        """
        return broken.count(_reader(self.format).read(self.settings, broken))

    @property
    def path(self) -> Path:
        """The file or folder of its records, the first setting of every reader."""
        path: Path = getattr(self.settings, dataclasses.fields(self.settings)[0].name)
        return path

    def overlaps(self, other: DataSet) -> bool:
        """Tell whether both read records of the same path, and no other split or other videos of it."""
        one, two = self.settings, other.settings
        parts = [(getattr(one, name, None), getattr(two, name, None)) for name in ("split", "videos")]
        apart = any(ours and theirs and ours != theirs for ours, theirs in parts)
        return self.path.resolve() == other.path.resolve() and not apart


def parse_data_set(values: Mapping[str, Any], where: str) -> DataSet:
    """Read one entry of a configuration: ``format``, ``weight`` and the settings of its reader.

    Raises ConfigError that begins with ``where``.
    """
    options = dict(values)
    name, weight = options.pop("format", None), options.pop("weight", 1.0)
    if name not in FORMATS:
        raise ConfigError(f"{where}.format: {name!r} is not one of {', '.join(FORMATS)}")
    if type(weight) not in (int, float) or not 0 < weight < math.inf:
        raise ConfigError(f"{where}.weight must be a number above 0, got {weight!r}")
    return DataSet(name, build(_reader(name).Settings, options, where), float(weight))


def parse_data_sets(entries: Sequence[Mapping[str, Any]], where: str) -> list[DataSet]:
    """Read a list of data sets. Raises ConfigError for an empty list and as ``parse_data_set``."""
    if not entries:
        raise ConfigError(f"{where} is empty; name at least one data set")
    return [parse_data_set(values, f"{where}[{number}]") for number, values in enumerate(entries)]


def parse_source(path: Path, options: Sequence[str], *, training_file: bool = False) -> list[DataSet]:
    """Read data sets as a command line names them.

    options: a format and ``key=value`` settings of its reader, whose first setting is ``path``; none for a
    YAML file with a list ``sets``. training_file: the file may also be that of a training, for all sets that
    it trains and evaluates on. Raises ConfigError.
    """
    if options:
        name, *settings = options
        if name not in FORMATS:
            raise ConfigError(f"--format: {name!r} is not one of {', '.join(FORMATS)}")
        first = dataclasses.fields(_reader(name).Settings)[0].name
        return [parse_data_set(override({"format": name, first: str(path)}, settings), "--format")]
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{path} is not a YAML file with data sets; name its format with --format")
    values = load_mapping(path)
    if training_file and isinstance(values, Mapping) and "evaluation" in values:
        return _sets_of_training(values, str(path))
    entries = values.get("sets") if isinstance(values, Mapping) and len(values) == 1 else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(f"{path}: expected one key, sets: a list of data sets")
    return parse_data_sets(entries, f"{path}.sets")


def _sets_of_training(values: Mapping[str, Any], where: str) -> list[DataSet]:
    """The rendered views and annotated images of ``data`` and ``evaluation``."""
    found = []
    for key in ("data", "evaluation"):
        section = values.get(key)
        if not isinstance(section, Mapping):
            raise ConfigError(f"{where}.{key}: expected a mapping of settings")
        roots = [*section.get("roots", ()), *([section["root"]] if "root" in section else [])]
        views = [{"format": "scenes", "root": root} for root in roots]
        found += parse_data_sets([*views, *section.get("sets", ())], f"{where}.{key}.sets")
    return found


def _reader(name: str) -> Any:
    return importlib.import_module(f"{readers.__name__}.{name}")
