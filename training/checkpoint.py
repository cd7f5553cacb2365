"""Atomic checkpoints from which a run continues exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.errors import CheckpointError

NAME = "last.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write ``state`` so that there is the old file or the new one, never a part, even after a power cut."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{NAME}.tmp"
    torch.save(state, temporary)
    put_in_place(temporary, folder / NAME)


def load(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint, or None before the first one. Raises CheckpointError if unreadable."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise CheckpointError(f"cannot read {path}: {error}; delete it to start over") from error
    return state
