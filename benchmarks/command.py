"""Shared parts of the benchmarks' command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

from instructsam_ros.cli.arguments import positive_int
from instructsam_ros.errors import InstructSamError

__all__ = ["positive_int", "run"]


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print the package's and operating system's errors as one line, with exit status 2."""
    try:
        main()
    except (InstructSamError, OSError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
