"""Pointers that git leaves in place of large files where git-lfs has not fetched them."""

from __future__ import annotations

from pathlib import Path

_BEGINNING = b"version https://git-lfs.github.com/spec/"


def explained(path: Path, otherwise: object) -> str:
    """Return why a file cannot be read: that it is a git-lfs pointer, or else ``otherwise``."""
    try:
        with path.open("rb") as file:
            is_pointer = file.read(len(_BEGINNING)) == _BEGINNING
    except OSError:
        is_pointer = False
    return "it is a git-lfs pointer and not the file; run git lfs pull" if is_pointer else str(otherwise)
