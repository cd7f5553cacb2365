"""A fresh compact SAM 3: the image side of a compact model, and SAM 3's modules with initial weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer
from torch import Tensor
from transformers import Sam3Config

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.compact.detector import PointerDetector
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.sam3.tokenizer import END, START
from instructsam_ros.training.initialization import model_file, read_tokenizer
from instructsam_ros.yaml_config import build

BOX_SIDE = 0.15
"""Of the boxes that queries begin with, as a share of the image's sides."""


@dataclass(frozen=True)
class CompactSam3File:
    """A file of config/models. image_side: folder of a compact model, or the name of a shipped one. pyramid:
    settings of PyramidConfig in place of its own. sam: keyword arguments of Sam3Config.
    """

    image_side: str
    pyramid: dict[str, Any]
    sam: dict[str, Any]


def fresh_sam3(name: str) -> Sam3:
    """Build the model of a file (a name under config/models or a path).

    Weights that the compact model has under the same name and in the same shape are taken over: the image
    side, and layers of the detector. All else begins as ``_start`` says or is drawn from torch's generator.
    Raises ConfigError for a file that describes no such model.
    """
    path, file, folder = _read(name)
    compact = load_folder(folder)
    config = _config(file.sam, {**compact.config.vision, **file.pyramid}, fresh_tokenizer(name), str(path))
    model = Sam3(config)
    known = {f"vision_encoder.{name}": tensor for name, tensor in compact.image_encoder.state_dict().items()}
    known |= compact.detector.state_dict()
    own = model.net.state_dict()
    own |= {name: known[name] for name in own if name in known and known[name].shape == own[name].shape}
    model.net.load_state_dict(own)
    if missing := [
        name for name in own if name.startswith("vision_encoder.") and own[name] is not known.get(name)
    ]:
        raise ConfigError(f"{path}: the image side of {folder} does not fit: {', '.join(missing)}")
    _start(model, compact)
    return model


def fresh_tokenizer(name: str) -> Tokenizer:
    """Read the compact model's tokenizer and add SAM 3's markers of start and end, behind all words."""
    tokenizer = read_tokenizer(_read(name)[2] / "tokenizer.json")
    tokenizer.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in (START, END)])
    return tokenizer


def _read(name: str) -> tuple[Path, CompactSam3File, Path]:
    """Read a file: its path, its content and the folder of the compact model."""
    path, values = model_file(name)
    file = build(CompactSam3File, values, str(path))
    return path, file, checkpoint_folder(file.image_side)


def _config(
    sam: Mapping[str, Any], pyramid: Mapping[str, Any], tokenizer: Tokenizer, where: str
) -> Sam3Config:
    ids: Mapping[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    text = {
        **sam.get("text_config", {}),
        "vocab_size": max(ids.values()) + 1,
        "bos_token_id": ids[START],
        "eos_token_id": ids[END],
        "pad_token_id": 0,
    }
    try:
        return Sam3Config(**{**sam, "text_config": text}, pyramid=dict(pyramid))
    except Exception as error:  # transformers raises kinds of its own for values that do not fit
        raise ConfigError(f"{where}.sam does not describe a SAM 3: {error}") from None


@torch.no_grad()
def _start(model: Sam3, compact: InstructSam) -> None:
    """Words in the principal directions of what the compact model has learned, boxes on a grid, and mask
    logits in its scale.
    """
    table: Tensor = model.net.text_encoder.text_model.embeddings.token_embedding.weight
    words = compact.language.model.embed_tokens.weight
    spread, sizes, _ = torch.linalg.svd(words.float(), full_matrices=False)
    main = (spread * sizes)[:, : table.shape[1]]
    table[: len(words), : main.shape[1]] = main
    points: Tensor = model.net.detr_decoder.reference_points.weight
    place = torch.arange(len(points))
    columns = math.ceil(math.sqrt(len(points)))
    rows = math.ceil(len(points) / columns)
    x, y = (place % columns + 0.5) / columns, (place // columns + 0.5) / rows
    side = torch.full_like(x, BOX_SIDE)
    points.copy_(torch.stack([x, y, side, side], 1).logit())
    detector = compact.detector
    if isinstance(detector, PointerDetector):
        for parameter in model.net.mask_decoder.instance_projection.parameters():
            parameter *= detector.mask_scale / math.sqrt(detector.channels)
