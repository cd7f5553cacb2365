"""Side files that are one JSON object, read as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that is one JSON object. Raises InvalidInputError for a missing file and for another."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise InvalidInputError(f"{path} is not valid JSON: {error}") from None
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
