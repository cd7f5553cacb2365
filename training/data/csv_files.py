"""Tables in CSV files, read as a whole."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from instructsam_ros.errors import InvalidInputError

T = TypeVar("T")
Row = Mapping[str, str]
"""Values by name of their column."""


def read_rows(path: Path, parse: Callable[[Row], T], expected: str) -> list[T]:
    """Read every row of a table by ``parse``, whose errors for other rows are those of indexing and parsing.

    expected: what the file should be, for messages. Raises InvalidInputError for a missing file and for
    another.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [parse(row) for row in csv.DictReader(file)]
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from None
    except (LookupError, ValueError, TypeError, AttributeError, SyntaxError, csv.Error) as error:
        raise InvalidInputError(f"{path} is no {expected}: {error!r}") from None
    except (RecursionError, MemoryError):  # of ast.literal_eval
        raise InvalidInputError(f"{path} is no {expected}: a value is nested without end") from None
