"""The model that a stage of SAM3-I starts from, and its export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from instructsam_ros.backends.sam3 import tokenizer_folder
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.compact.tokenizer import save_tokenizer
from instructsam_ros.models.sam3.checkpoint import load_sam3
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.sam3.tokenizer import ClipTokenizer
from instructsam_ros.models.sam3i.adapters import projector
from instructsam_ros.models.sam3i.checkpoint import add_adapters, load_sam3i, save_folder
from instructsam_ros.models.sam3i.configuration import read_adapter_config
from instructsam_ros.training.config import Sam3ITrainSettings
from instructsam_ros.training.objectives.sam3i.compact_start import fresh_sam3, fresh_tokenizer


def build_model(settings: Sam3ITrainSettings) -> Sam3:
    """Load the model of a stage in float32: SAM 3 in stage 0, with fresh adapters in stage 1, else one with
    adapters.

    A model for stage 3 without projector gets a fresh one. Raises CheckpointError as the loaders do.
    """
    path = Path(settings.model)
    if settings.is_fresh:
        return fresh_sam3(settings.model)
    if settings.stage == 0:
        return load_sam3(path)
    if settings.stage == 1:
        if settings.start == "paper":
            raise ConfigError('start: "paper" is how complex adapters begin, in stage 2')
        return add_adapters(path, read_adapter_config(settings.adapters), settings.start)
    model = load_sam3i(path)
    if settings.stage == 3 and model.config.projector == "none":
        width = model.net.config.detr_encoder_config.hidden_size
        model.adapters.projectors["shared"] = projector(width)
        model.config = replace(model.config, projector="shared")
    return model


def build_tokenizer(settings: Sam3ITrainSettings) -> ClipTokenizer:
    """Read the tokenizer of ``build_model``. Raises CheckpointError."""
    if settings.is_fresh:
        return ClipTokenizer(fresh_tokenizer(settings.model))
    return ClipTokenizer.from_folder(tokenizer_folder(Path(settings.model)))


def export(settings: Sam3ITrainSettings, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write weights of a run as a folder that the backend (sam3i, of stage 0 sam3) and the next stage read.

    Raises CheckpointError for weights of another model.
    """
    model = build_model(settings)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the run in {settings.out} has another model ({error})") from None
    path = Path(settings.model)
    save_folder(model, folder, like=None if settings.is_fresh else tokenizer_folder(path))
    if settings.is_fresh:
        save_tokenizer(fresh_tokenizer(settings.model), folder / "tokenizer.json")
