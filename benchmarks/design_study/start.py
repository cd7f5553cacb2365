"""What all arms start from: one trained image side, frozen, under fresh instruction parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training import checkpoint
from instructsam_ros.training.initialization import compact_config, initialise, take_over

LANGUAGE_LAYERS = 4

IMAGE_SIDE = (
    "image_encoder",
    "detector.mask_decoder",
    "detector.fine_masks",
    "detector.falloff",
    "detector.pointer.mask_values",
    "detector.pointer.box_values",
)
"""Modules that know objects and their masks without knowing any instruction."""

CHOICE = tuple(f"detector.pointer.choice_{part}" for part in ("proj", "asked", "bias", "score"))
"""What all queries decide together. It starts as no choice at all and stays so: the arms differ in what a
query may know of the others.
"""

MASK_SCALES = ("detector.mask_scale", "detector.mask_bias")
FRESH = "image_encoder.to_tokens"
"""Leads to the language model, which is fresh, too."""


def fresh_model(model: str, init: str, seed: int) -> tuple[InstructSam, Tokenizer]:
    """A model of the design with the image side of the run ``init`` and that run's tokenizer.

    Raises CheckpointError where there is no such run or it has another image side.
    """
    state = checkpoint.load(Path(init))
    if state is None:
        raise CheckpointError(f"--init: no checkpoint in {init}; train an image side first")
    tokenizer = Tokenizer.from_file(str(Path(init) / "tokenizer.json"))
    config = compact_config(model, tokenizer)
    config = dataclasses.replace(config, language=config.language | {"num_hidden_layers": LANGUAGE_LAYERS})
    torch.manual_seed(seed)
    fresh = InstructSam(config)
    initialise(fresh)
    take_image_side(fresh, state["average"])
    return fresh, tokenizer


def take_image_side(model: InstructSam, weights: Mapping[str, Tensor]) -> None:
    """Copy the image side of another model; a part that it had not keeps its start values."""
    for name in IMAGE_SIDE:
        prefix = f"{name}."
        part = {
            key.removeprefix(prefix): value
            for key, value in weights.items()
            if key.startswith(prefix) and not key.startswith(FRESH)
        }
        take_over(model.get_submodule(name), part)
    with torch.no_grad():
        for name in MASK_SCALES:
            model.get_parameter(name).copy_(weights[name])


def freeze_image_side(model: InstructSam) -> None:
    """Leave only what reads instructions trainable, less the common choice."""
    for name, parameter in model.named_parameters():
        if name.startswith(CHOICE):
            parameter.requires_grad_(False)
    for name in IMAGE_SIDE:
        model.get_submodule(name).requires_grad_(False)
    for name in MASK_SCALES:
        model.get_parameter(name).requires_grad_(False)
    model.get_submodule(FRESH).requires_grad_(True)
