"""The mean of several checkpoints of one model (model soups, arXiv:2203.05482)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.processing import PromptTokenizer

_OF_USE = {
    "score_threshold", "presence_threshold", "duplicate_iou", "choice_gain",
    "max_new_tokens", "min_pixels", "max_pixels",
}  # fmt: skip
"""Settings that training does not read; the mean has those of the first folder."""


def average(folders: Sequence[Path], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
    """Tensors of at least one checkpoint folder, averaged in float32 and stored as in the first folder.

    shares: how much each folder counts, one of each by default. Worth trying for runs that started from the
    same weights. Raises CheckpointError for folders of different models or whose index is wrong, and
    ConfigError for shares that do not fit.
    """
    shares = shares or [1.0] * len(folders)
    if len(shares) != len(folders) or min(shares) < 0 or not 0 < sum(shares) < math.inf:
        raise ConfigError(f"{len(folders)} folders need as many shares, none below 0; got {list(shares)}")
    shares = [share / sum(shares) for share in shares]
    with ExitStack() as stack:
        files = [stack.enter_context(TensorFiles(folder)) for folder in folders]
        if problems := [f"{file.folder}: {line}" for file in files for line in file.problems]:
            raise CheckpointError("shards and their index differ:\n  " + "\n  ".join(problems))
        first, *others = files
        for other in others:
            differing = {name for name, _ in set(first.shapes().items()) ^ set(other.shapes().items())}
            if names := sorted(differing) or _differing_settings(first.folder, other.folder):
                raise CheckpointError(
                    f"{other.folder} is not of the same model as {first.folder}; they differ in:\n  "
                    + "\n  ".join(names)
                )
        return {
            name: torch.stack([share * file[name].float() for file, share in zip(files, shares, strict=True)])
            .sum(0)
            .to(tensor.dtype)
            for name, tensor in first.items()
        }


def _differing_settings(*folders: Path) -> list[str]:
    """What gives equal tensors another meaning in the two folders."""
    configs = [InstructSamConfig.from_folder(folder) for folder in folders]
    first, second = (
        vars(config)
        | {
            "behaviour": config.procedure,
            "vocabulary (tokenizer.json)": PromptTokenizer.from_folder(folder, config).vocabulary,
        }
        for folder, config in zip(folders, configs, strict=True)
    )
    return [name for name, value in first.items() if name not in _OF_USE and value != second[name]]
