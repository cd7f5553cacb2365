"""Atomic checkpoints from which a run continues exactly, and their export as a model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.safetensors_folder import TensorFiles, weights_sha256
from instructsam_ros.models.common.torch_file import read_torch_file
from instructsam_ros.models.instructsam.checkpoint import save_folder, weightless
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.config import InstructSamTrainSettings, Sam3ITrainSettings, Settings
from instructsam_ros.training.initialization import read_tokenizer, run_config
from instructsam_ros.training.lora import merge_state, save_adapter
from instructsam_ros.training.objectives.sam3i import model as sam3i_model

NAME, BEST = "last.pt", "best.pt"


@dataclass(frozen=True)
class Export:
    """What an export wrote. step: of its weights. sha256: of its tensors, see ``weights_sha256``."""

    step: int
    sha256: str


def save(folder: Path, state: dict[str, Any], name: str = NAME) -> None:
    """Write ``state`` so that there is the old file or the new one, never a part, even after a power cut.

    Raises CheckpointError where it cannot be written, as on a full disk; the old file stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{name}.tmp"
    try:
        torch.save(state, temporary)
        put_in_place(temporary, folder / name)
    except (OSError, RuntimeError) as error:  # torch has its own kind for a disk that fills up
        temporary.unlink(missing_ok=True)
        kept = "the earlier one is whole" if (folder / name).exists() else "there is no earlier one"
        raise CheckpointError(
            f"cannot write the checkpoint {folder / name} ({error}); {kept}. Make room and start the run "
            "again, it continues from its last checkpoint"
        ) from error


def load(folder: Path, name: str = NAME) -> dict[str, Any] | None:
    """The newest checkpoint, or None before the first one. Raises CheckpointError if unreadable."""
    path = folder / name
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = read_torch_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; delete it to start over") from error
    return state


def exists(run: Path) -> bool:
    """Whether a run has written a checkpoint."""
    return (run / NAME).exists()


def export_run(settings: Settings, folder: Path, *, checkpoint: str = NAME) -> Export:
    """Write the averaged weights of a checkpoint in the released layout, in half precision (InstructSAM:
    bfloat16, as released), adapters merged; of SAM3-I in float32, adapters apart. Reads nothing but the run's
    folder and the model file, of SAM3-I the model that it began with.

    Raises CheckpointError for a run that has no checkpoint yet, or one of another model.
    """
    run = Path(settings.out)
    state = _existing(run, checkpoint)
    if isinstance(settings, Sam3ITrainSettings):
        sam3i_model.export(settings, state["average"], folder)
    elif isinstance(settings, InstructSamTrainSettings):
        origin, weights = Path(settings.model), state["average"]
        if settings.lora:
            weights = merge_state(weights, settings.lora)
        model = _filled(InstructSamConfig.from_folder(origin), weights, run)
        save_folder(model, folder, dtype=torch.bfloat16, like=[origin])
    else:
        tokenizer = read_tokenizer(run / "tokenizer.json")
        model = _filled(run_config(settings, tokenizer), state["average"], run)
        save_folder(model.half(), folder, tokenizer.to_str())
    with TensorFiles(folder) as files:
        return Export(int(state["step"]), weights_sha256(files))


def export_adapter(settings: Settings, folder: Path, *, checkpoint: str = NAME) -> Export:
    """Write the averaged adapters of a checkpoint, and the weights that were trained whole beside them, as
    ``instructsam weights merge`` reads them.

    Raises CheckpointError as ``export_run``, and ConfigError for a run without adapters.
    """
    if not isinstance(settings, InstructSamTrainSettings) or settings.lora is None:
        raise ConfigError("this run trains no adapter (lora); export it without --adapter")
    state = _existing(Path(settings.out), checkpoint)
    weights: dict[str, Tensor] = state["average"]
    whole = {n: t for n, t in weights.items() if settings.part(n).rate > 0 and ".lora_" not in n}
    return Export(int(state["step"]), weights_sha256(save_adapter(weights, settings.lora, whole, folder)))


def _existing(run: Path, name: str) -> dict[str, Any]:
    state = load(run, name)
    if state is None:
        raise CheckpointError(f"there is no checkpoint in {run} to export ({name})")
    return state


def _filled(config: InstructSamConfig, weights: dict[str, Tensor], run: Path) -> InstructSam:
    model = weightless(config)
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"the run in {run} has another model ({error}); set model to its file, and lora as it was"
        ) from None
    return model
