"""Command line of ``segment_node``: a parameter file and overrides in the form of the other commands."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.parameters import NodeSettings

USAGE = "segment_node [FILE] [KEY=VALUE ...] [--ros-args ...]"


def ros_arguments(arguments: Sequence[str]) -> list[str]:
    """Translate ``FILE key=value ...`` into ROS arguments; what begins with ``--`` and follows stays.

    Values of text parameters need no quotes: ``model_options={dtype: bfloat16}``. A later ``-p`` of the
    user's own wins. Raises ConfigError for a second file.
    """
    end = next((i for i, argument in enumerate(arguments) if argument.startswith("-")), len(arguments))
    own, others = arguments[:end], list(arguments[end:])
    translated: list[str] = []
    for position, argument in enumerate(own):
        name, equals, value = argument.partition("=")
        if equals:
            translated += ["-p", f"{name}:={_typed(name, value)}"]
        elif position == 0:
            translated += ["--params-file", argument]
        else:
            raise ConfigError(f"{argument!r} is no key=value; usage: {USAGE}")
    return ["--ros-args", *translated, "--", *others] if translated else others


def _typed(name: str, value: str) -> str:
    """Write a value so that ROS reads it with the type of the parameter: text in quotes, 5 as 5.0."""
    kinds = {field.name: field.type for field in dataclasses.fields(NodeSettings)}
    if kinds.get(name) == "str":
        return json.dumps(value, ensure_ascii=False)
    if kinds.get(name) == "float" and value.lstrip("+-").isdigit():
        return f"{value}.0"
    return value
