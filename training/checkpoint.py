"""Atomic checkpoints from which a run continues exactly, and their export as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.checkpoint import save_folder, weightless
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.config import InstructSamTrainSettings, TrainSettings
from instructsam_ros.training.initialization import compact_config, read_tokenizer

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


def export_run(settings: TrainSettings | InstructSamTrainSettings, folder: Path) -> int:
    """Write the newest checkpoint's averaged weights in the released layout, in half precision (InstructSAM:
    bfloat16, as released); returns its step. Reads nothing but the run's folder and the model file.

    Raises CheckpointError for a run that has no checkpoint yet, or one of another model.
    """
    run = Path(settings.out)
    state = load(run)
    if state is None:
        raise CheckpointError(f"there is no checkpoint in {run} to export")
    if isinstance(settings, InstructSamTrainSettings):
        origin = Path(settings.model)
        model = _filled(InstructSamConfig.from_folder(origin), state, run)
        save_folder(model, folder, dtype=torch.bfloat16, like=[origin])
        return int(state["step"])
    tokenizer = read_tokenizer(run / "tokenizer.json")
    model = _filled(compact_config(settings.model, tokenizer), state, run)
    save_folder(model.half(), folder, tokenizer.to_str())
    return int(state["step"])


def _filled(config: InstructSamConfig, state: dict[str, Any], run: Path) -> InstructSam:
    model = weightless(config)
    try:
        model.load_state_dict(state["average"], assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"the run in {run} has another model ({error}); set model to its file"
        ) from None
    return model
