"""YAML into validated dataclasses; the same for node, command line and training."""

from __future__ import annotations

import copy
import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from instructsam_ros.errors import ConfigError

T = TypeVar("T")
MAX_THREADS = 1024
"""More are surely a slip, and end the process inside OpenMP."""


class UniqueKeyLoader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which a key that is there twice is an error; PyYAML would take the last one without a word."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """A mapping as it is written, before what it merges (<<) is put into it."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.MarkedYAMLError(None, None, f"{key.value!r} is there twice", key.start_mark)
                seen.add((key.tag, key.value))
        return node


def load_yaml(kind: type[T], path: str | Path, overrides: Sequence[str] = ()) -> T:
    """Read one YAML file into the dataclass ``kind``. Raises ConfigError that names file and key.

    overrides: ``dotted.key=value``, see ``override``.
    """
    return build(kind, load_mapping(path, overrides), str(path))


def load_mapping(path: str | Path, overrides: Sequence[str] = ()) -> Any:
    """Content of one YAML file, which should be a mapping, with ``overrides`` in it."""
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        raise ConfigError(f"no configuration file at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    data = _parse(text, str(path))
    return override({} if data is None else data, overrides)


def override(data: Any, overrides: Sequence[str]) -> Any:
    """A copy of settings with values in place of those that ``dotted.key=value`` names, parsed as YAML.

    Raises ConfigError for another form, and for a key inside a value that holds no keys. Unknown keys are
    found by ``build``.
    """
    data = copy.deepcopy(data)
    for item in overrides:
        name, equals, value = item.partition("=")
        *parents, last = name.split(".")
        if not equals or not all((*parents, last)):
            raise ConfigError(f"{item!r} is no override; write key=value, e.g. optimizer.learning_rate=1e-4")
        place = data
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise ConfigError(f"{item!r}: {'.'.join(parents) or 'the file'} holds no keys")
        place[last] = _parse(value, name)
    return data


def parse_mapping(text: str, where: str) -> dict[str, Any]:
    """A YAML mapping written in one line, as parameters and command lines hold it; empty text is an
    empty mapping. Raises ConfigError that begins with ``where``.
    """
    data = _parse(text, where)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{where} must be a mapping, e.g. {{dtype: bfloat16}}")
    # YAML reads a bare "on" or a number as a key of another type than text.
    odd = [repr(key) for key in data if not isinstance(key, str)]
    if odd:
        raise ConfigError(
            f"{where}: {', '.join(odd)} is no name of an option; put it in quotes if it is meant"
        )
    return data


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, UniqueKeyLoader)
    # PyYAML lets through what making a date or a number of a text raises, and RecursionError.
    except Exception as error:
        raise ConfigError(f"{where} is not valid YAML: {error}") from None


def build(
    kind: type[T], data: Mapping[str, Any], where: str = "config", keys: Mapping[str, str] | None = None
) -> T:
    """Build dataclass ``kind`` from a mapping, checking every key and type, nested ones too.

    Unknown and missing keys, and values of another type, raise ConfigError. An int is accepted
    for a float, and so is 5e-4, which is a text to YAML 1.1. Ranges belong in the dataclass's own
    __post_init__. Former names of fields, in the class variable RENAMED_KEYS of ``kind``, are read as the
    fields; see ``rename_keys``. keys: the file's names of fields, for errors, where they differ.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: expected a mapping of settings, got {type(data).__name__}")
    data = rename_keys(data, getattr(kind, "RENAMED_KEYS", {}), where)
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}  # type: ignore[arg-type]
    # YAML reads a bare "on" or a number as a key of another type than text.
    unknown = sorted(str(key) for key in data if key not in fields)
    if unknown:
        raise ConfigError(
            f"{where}: unknown setting {', '.join(unknown)}; known: {', '.join(sorted(fields))}"
        )
    keys = keys or {}
    values = {
        name: _convert(hints[name], value, f"{where}.{keys.get(name, name)}") for name, value in data.items()
    }
    missing = sorted(
        name
        for name, f in fields.items()
        if name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    )
    if missing:
        raise ConfigError(f"{where}: missing setting {', '.join(missing)}")
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def rename_keys(data: Mapping[str, Any], renamed: Mapping[str, str], where: str) -> dict[str, Any]:
    """Copy settings with their current keys. renamed: former key -> current key.

    Raises ConfigError where both keys of a setting are given.
    """
    if twice := [f"{old} and {new}" for old, new in renamed.items() if old in data and new in data]:
        raise ConfigError(f"{where}: {', '.join(twice)} are the same setting; keep only the second")
    return {renamed.get(key, key): value for key, value in data.items()}


def check_range(settings: object, low: float, high: float, *names: str) -> None:
    """For a __post_init__: raise ValueError unless every named field lies in ``low``..``high``."""
    for name in names:
        if not low <= getattr(settings, name) <= high:
            limits = f"at least {low}" if high == math.inf else f"in {low}..{high}"
            raise ValueError(f"{name} must be {limits}, got {getattr(settings, name)}")


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        kinds = [kind for kind in args if kind is not type(None)]
        fitting = [kind for kind in kinds if isinstance(value, typing.get_origin(kind) or kind)]
        return _convert((fitting or kinds)[0], value, where)
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(
                f"{where}: {value!r} is not one of {', '.join(map(repr, args))}{_unquoted(value)}"
            )
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: expected a list, got {type(value).__name__}")
        item_hints = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(item_hints) != len(value):
            raise ConfigError(f"{where}: expected {len(item_hints)} values, got {len(value)}")
        return tuple(
            _convert(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(item_hints, value, strict=True))
        )
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a mapping, got {type(value).__name__}")
        return {k: _convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is Any:
        return value
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ConfigError(f"{where}: expected a number, got {value!r}") from None
        if not math.isfinite(number):
            raise ConfigError(f"{where}: expected a finite number, got {value!r}")
        return number
    if hint is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(
            f"{where}: expected {hint.__name__}, got {value!r}{_unquoted(value) if hint is str else ''}"
        )
    return value


def _unquoted(value: Any) -> str:
    hint = "; YAML reads a bare yes, no, on and off as true or false: put it in quotes if the word is meant"
    return hint if isinstance(value, bool) else ""
