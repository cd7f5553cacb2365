"""Where the package's own files lie, in a checkout, a pip environment or a colcon workspace."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DATA = PACKAGE / "data"
COMPACT_WEIGHTS = DATA / "compact"


def share(*parts: str) -> Path:
    """A file or folder of config/, launch/ and the like; FileNotFoundError names what was tried."""
    roots = [PACKAGE.parent]  # a checkout
    # pip: <prefix>/share; colcon: <install>/lib/pythonX.Y/site-packages -> <install>/share
    roots += [base / "share" / "instructsam_ros" for base in (PACKAGE.parents[3], Path(sys.prefix))]
    for root in roots:
        candidate = root.joinpath(*parts)
        if candidate.exists():
            return candidate
    tried = ", ".join(str(root.joinpath(*parts)) for root in roots)
    raise FileNotFoundError(f"the package is not installed completely: none of these exist: {tried}")
