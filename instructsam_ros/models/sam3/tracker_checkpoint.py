"""Weights of the click side of SAM 3, from folders of the hub (facebook/sam3), read when they are needed."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Sam3TrackerConfig
from transformers.models.sam3.configuration_sam3 import Sam3VisionConfig

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.common.weightless import Weightless
from instructsam_ros.models.sam3.checkpoint import fill
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.sam3.tracker import Sam3Tracker

_MODEL, _NECK, _TOWER = "tracker_model.", "tracker_neck.", "detector_model.vision_encoder.backbone."
_PARTS = ("prompt_encoder.", "mask_decoder.", "shared_image_embedding.", "no_memory_embedding")
"""Of the tracker that clicks on one image need; the rest is its memory of video frames."""
_POSITIONS = ("shared_image_embedding", "prompt_encoder.shared_embedding")
_COMPARED = "embeddings.patch_embeddings.projection.weight"


@dataclass
class LazyTracker:
    """Loads a tracker when it is first asked for; it is shared by threads.

    path: a folder of facebook/sam3. model: whose image tower it is to work with.
    """

    path: Path
    model: Sam3
    _loaded: Sam3Tracker | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self) -> Sam3Tracker:
        """Return the tracker. Raises CheckpointError as ``load_tracker``."""
        with self._lock:
            if self._loaded is None:
                self._loaded = load_tracker(self.path, self.model)
            return self._loaded


def load_tracker(path: Path, model: Sam3) -> Sam3Tracker:
    """Load the tracker of a folder, in the precision and on the device of ``model``, for its image tower.

    Raises CheckpointError for a folder without these tensors, or with those of another tower, and for weights
    that are missing, damaged or not exactly those of the model.
    """
    if not path.is_dir():
        raise CheckpointError(f"{path} is no folder of facebook/sam3, {_REMEDY}")
    with TensorFiles(path) as files:
        if not any(name.startswith(_MODEL) for name in files):
            raise CheckpointError(
                f"{path} has no tensors tracker_model.* and tracker_neck.*, which clicks need, {_REMEDY}"
            )
        _check_tower(files, model, path)
        tensors = {f"net.{name}": files[stored] for stored in files if (name := _own_name(stored))}
    first, second = (f"net.{place}.positional_embedding" for place in _POSITIONS)
    tensors.setdefault(first, tensors.get(second, torch.zeros(0)))  # one matrix, not always stored twice
    tracker = weightless_tracker(_config(path, model.net.config.vision_config), path)
    fill(tracker, tensors, str(path), model.dtype, model.device)
    for place in _POSITIONS:  # bfloat16 would round positions to several pixels
        positions: Any = tracker.net.get_submodule(place)
        positions.positional_embedding = tensors[f"net.{place}.positional_embedding"].to(
            model.device, torch.float32
        )
    return tracker.eval()


_REMEDY = "so it cannot answer clicks: name a folder or hub id of facebook/sam3 with the option 'tracker'"


def weightless_tracker(config: Sam3TrackerConfig, path: Path) -> Sam3Tracker:
    """Build a tracker without memory for its weights. Raises CheckpointError for settings that are none."""
    try:
        with Weightless():
            return Sam3Tracker(config)
    except Exception as error:  # transformers raises many kinds
        raise CheckpointError(
            f"{path}: no tracker can be built as its settings describe it: {error}"
        ) from error


def _own_name(stored: str) -> str:
    """Return the name in ``Sam3TrackerModel`` of a tensor of the video model; empty for others."""
    if stored.startswith(_NECK):
        return f"vision_encoder.neck.{stored.removeprefix(_NECK)}"
    name = stored.removeprefix(_MODEL)
    return name if stored.startswith(_MODEL) and name.startswith(_PARTS) else ""


def _config(path: Path, vision: Sam3VisionConfig) -> Sam3TrackerConfig:
    """Read the settings of the tracker, with the neck of ``vision``. Raises CheckpointError."""
    try:
        values = json.loads((path / "config.json").read_text(encoding="utf-8")).get("tracker_config") or {}
        parts = {
            key: {k: v for k, v in (values.get(key) or {}).items() if k != "model_type"}
            for key in ("prompt_encoder_config", "mask_decoder_config")
        }
        return Sam3TrackerConfig(vision_config=vision.to_dict(), **parts)
    except Exception as error:  # transformers raises kinds of its own for values that do not fit
        raise CheckpointError(f"{path / 'config.json'} does not describe a tracker: {error!r}") from None


def _check_tower(files: Mapping[str, Tensor], model: Sam3, path: Path) -> None:
    """Raise CheckpointError where the tower of the files is not that of the model."""
    name = f"{_TOWER}{_COMPARED}"
    own = dict(model.net.vision_encoder.named_parameters()).get(f"backbone.{_COMPARED}")
    theirs = files[name].to(own.device, own.dtype) if name in files and own is not None else None
    if own is None or theirs is None or not torch.equal(theirs, own):
        raise CheckpointError(f"{path} has another image tower than the model, so its tracker does not fit")
