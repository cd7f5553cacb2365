"""Where the package's own files lie, in a checkout, a pip environment or a colcon workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

PACKAGE = Path(__file__).resolve().parent
DATA = PACKAGE / "data"
SHIPPED_MODELS: Final[Mapping[str, Path]] = MappingProxyType(
    {name: DATA / name for name in ("compact", "compact_real")}
)
"""Models whose weights are part of the package, by name: for rendered scenes, and for real cameras."""


def share(*parts: str) -> Path:
    """A file or folder of config/ or launch/. Raises FileNotFoundError when it is not installed."""
    checkout = PACKAGE.parent
    # Installed, the package is in <prefix>/lib/pythonX.Y/site-packages, by pip and by colcon alike.
    root = checkout if (checkout / "package.xml").is_file() else checkout.parents[2] / "share" / PACKAGE.name
    path = root.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: the package is not installed completely")
    return path
