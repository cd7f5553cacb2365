"""Small JSON files, read as a whole, and the errors of all JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError


@contextmanager
def json_errors(name: object) -> Iterator[None]:
    """Raise InvalidInputError, which begins with ``name``, where JSON cannot be read or is damaged."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(f"cannot read {name}: {error.strerror}") from None
    except (
        ValueError,
        RecursionError,
        EOFError,
    ) as error:  # not JSON or UTF-8, too deep, cut off
        raise InvalidInputError(f"{name} is not valid JSON: {error}") from None


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that is one JSON object. Raises InvalidInputError for a missing file and for another."""
    with json_errors(path):
        content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path} is no JSON object")
    return content


def read_text_table(path: Path) -> dict[str, dict[str, str]]:
    """Read a file {name: {name: text}}. Raises InvalidInputError as ``read_json_object`` does."""
    content = read_json_object(path)
    for key, row in content.items():
        if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
            raise InvalidInputError(f"{path}: {key} is no JSON object of texts")
    return content
