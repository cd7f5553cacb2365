"""A run's averaged weights as a model folder."""

from __future__ import annotations

from pathlib import Path

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.checkpoint import save_folder, weightless
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import TrainSettings
from instructsam_ros.training.initialization import compact_config, read_tokenizer


def export_run(settings: TrainSettings, folder: Path) -> int:
    """Write the newest checkpoint's averaged weights in the released layout, in half precision; returns its
    step. Reads nothing but the run's folder and the model file.

    Raises CheckpointError for a run that has no checkpoint yet, or one of another model.
    """
    run = Path(settings.out)
    state = checkpoint.load(run)
    if state is None:
        raise CheckpointError(f"there is no checkpoint in {run} to export")
    tokenizer = read_tokenizer(run / "tokenizer.json")
    model = weightless(compact_config(settings.model, tokenizer))
    try:
        model.load_state_dict(state["average"], assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"the run in {run} has another model ({error}); set model to its file"
        ) from None
    save_folder(model.half(), folder, tokenizer.to_str())
    return int(state["step"])
