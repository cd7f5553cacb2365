"""Settings that every run has, whatever its objective."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from instructsam_ros.training.data.registry import DataSet, parse_data_sets
from instructsam_ros.training.parts import Part
from instructsam_ros.yaml_config import MAX_THREADS, check_range

MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class OptimizerSettings:
    """AdamW with warm-up and cosine decay to ``final`` times the peak rate; then EMA of the weights.

    muon: Muon instead of AdamW for the matrices of language model and detector. learning_rate: the peak,
    reached after warmup_steps. backbone_rate: that of the pretrained image weights, as a share; 0 freezes
    them. clip_norm: longest gradient of a part, 0 for any. ema: how much of the averaged weights stays at a
    step. beta2: how much of the second moments stays.

    schedule: "inverse_sqrt" is that of SAM 3: a warm-up from 0, then falling with the root of ``timescale``
    over the step, and to 0 in the last ``cooldown_steps``; ``final`` is not used.
    """

    muon: bool = False
    learning_rate: float = 1e-3
    backbone_rate: float = 0.0
    final: float = 0.03
    warmup_steps: int = 60
    weight_decay: float = 0.02
    clip_norm: float = 2.0
    ema: float = 0.998
    beta2: float = 0.98
    schedule: Literal["cosine", "inverse_sqrt"] = "cosine"
    timescale: int = 3
    cooldown_steps: int = 3

    def __post_init__(self) -> None:
        check_range(self, 0, 1, "backbone_rate", "final", "ema", "beta2")
        check_range(self, 1, math.inf, "warmup_steps", "timescale")
        check_range(self, 0, math.inf, "learning_rate", "weight_decay", "clip_norm", "cooldown_steps")


@dataclass(frozen=True)
class DataSettings:
    """sets: one mapping per data set: ``format``, ``weight`` and the settings of its reader, see
    data/registry.py. batch: samples of one step. group_by_length: batches of samples with about as many
    tokens.
    """

    sets: tuple[dict[str, Any], ...]
    batch: int = 1
    group_by_length: bool = False

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "batch")
        self.data_sets()

    def data_sets(self) -> list[DataSet]:
        """The sets. Raises ConfigError for one that cannot be."""
        return parse_data_sets(self.sets, "data.sets")


@dataclass(frozen=True)
class EvaluationSettings:
    """sets: as in DataSettings. every: steps between two. limit: evaluate the first so many instructions, 0
    for all. samples: how many of the worst answers are also written as pictures.
    """

    sets: tuple[dict[str, Any], ...]
    every: int = 500
    limit: int = 0
    samples: int = 12

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "every")
        check_range(self, 0, math.inf, "limit", "samples")
        self.data_sets()

    def data_sets(self) -> list[DataSet]:
        """The sets. Raises ConfigError for one that cannot be."""
        return parse_data_sets(self.sets, "evaluation.sets")


@dataclass(frozen=True)
class BestSettings:
    """Which weights ``best.pt`` keeps: those of the evaluation with the highest (max) or lowest (min) metric,
    the earlier one of equals. metric: a column of eval.csv.
    """

    metric: str = "giou"
    mode: Literal["max", "min"] = "max"

    def improves(self, value: float, earlier: Sequence[float]) -> bool:
        """Whether a value is better than all earlier ones."""
        return all(value > each if self.mode == "max" else value < each for each in earlier)


@dataclass(frozen=True, kw_only=True)
class RunSettings(ABC):
    """What every run has, whatever its objective.

    out: folder of checkpoints, logs and plots. checkpoint_every, log_every: steps. threads: CPU threads of
    torch, 0 keeps torch's own. workers: processes that make batches. gradient_accumulation_steps: batches
    of each process whose gradients make one step.
    precision: "bf16" computes a step in bfloat16, "no" in float32; "auto" where the device has bfloat16.
    best: rule of best.pt, null for none. report_to: besides tables and plots.
    """

    out: str
    steps: int
    gradient_accumulation_steps: int = 1
    checkpoint_every: int = 100
    log_every: int = 20
    seed: int = 0
    threads: int = 0
    workers: int = 1
    precision: Literal["auto", "bf16", "no"] = "auto"
    best: BestSettings | None = None
    report_to: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)
    evaluation: EvaluationSettings
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)

    def __post_init__(self) -> None:
        check_range(
            self, 1, math.inf, "steps", "gradient_accumulation_steps", "checkpoint_every", "log_every"
        )
        check_range(self, 0, MAX_THREADS, "threads", "workers")
        check_range(self, 0, MAX_SEED, "seed")

    @abstractmethod
    def part(self, parameter: str) -> Part:
        """Return the part of a parameter of the model, by its name."""
