"""Files that torch.save has written, read without running what they name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.git_lfs import explained


def read_torch_file(path: Path) -> Any:
    """Read tensors and plain values to the CPU. Raises CheckpointError for any other file."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # its message tells how to switch the safety off
        reason = "it is damaged, or holds more than tensors and plain values, which could run code"
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = repr(error)
    raise CheckpointError(f"cannot read {path}: {explained(path, reason)}")
