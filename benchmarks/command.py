"""Shared parts of the benchmarks' command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

from instructsam_ros.cli.arguments import positive_int
from instructsam_ros.errors import InstructSamError

__all__ = ["folder_name", "positive_int", "run"]


def folder_name(row: str) -> str:
    """Return the name of a table's row as that of a folder."""
    return row.replace(", ", "_").replace(" ", "_")


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print the package's and operating system's errors as one line, with exit status 2."""
    try:
        main()
    except (InstructSamError, OSError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
