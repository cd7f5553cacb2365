"""The YAML file behind ``instructsam train``."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.compact.pyramid_config import PyramidConfig
from instructsam_ros.scenes.dataset import view_paths
from instructsam_ros.training.data.registry import DataSet, parse_data_sets
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objective_settings import LoraSettings, LossSettings, SceneLossSettings
from instructsam_ros.training.parts import Part, check_rates, instructsam_part
from instructsam_ros.yaml_config import MAX_THREADS, build, check_range, load_mapping

MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class OptimizerSettings:
    """AdamW with warm-up and cosine decay to ``final`` times the peak rate; then EMA of the weights.

    muon: Muon instead of AdamW for the matrices of language model and detector. learning_rate: the peak,
    reached after warmup_steps. backbone_rate: that of the pretrained image weights, as a share; 0 freezes
    them. clip_norm: longest gradient of a part, 0 for any. ema: how much of the averaged weights stays at a
    step.
    """

    muon: bool = False
    learning_rate: float = 1e-3
    backbone_rate: float = 0.0
    final: float = 0.03
    warmup_steps: int = 60
    weight_decay: float = 0.02
    clip_norm: float = 2.0
    ema: float = 0.998

    def __post_init__(self) -> None:
        check_range(self, 0, 1, "backbone_rate", "final", "ema")
        check_range(self, 1, math.inf, "warmup_steps")
        check_range(self, 0, math.inf, "learning_rate", "weight_decay", "clip_norm")


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


@dataclass(frozen=True, kw_only=True)
class TrainSettings(RunSettings):
    """A run of the compact model on rendered scenes.

    model: name under config/models or path of the model's configuration. backbone: pretrained image
    weights. init: an earlier run's folder (its averaged weights and heads), a model folder, or "compact"
    (what ships), to start from; with a backbone, all of it but its own backbone and what reads that.
    image_only_steps: first steps that train only the image side, on the dense losses.
    """

    objective: Literal["compact"] = "compact"
    model: str
    data: SceneDataSettings
    backbone: str = ""
    init: str = ""
    image_only_steps: int = 0
    loss: SceneLossSettings = field(default_factory=SceneLossSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, math.inf, "image_only_steps")
        for width, height in self.data.sizes:
            PyramidConfig(height, width)  # raises ValueError for what the encoder cannot take
        if self.steps < self.image_only_steps:
            raise ValueError(f"image_only_steps ({self.image_only_steps}) exceeds steps ({self.steps})")
        if not (self.backbone or self.init):
            raise ValueError("set backbone (a fresh model), init (an earlier run) or both (that run on it)")

    def part(self, parameter: str) -> Part:
        """Return the part of a parameter: the pretrained image weights, or all else."""
        if parameter.startswith("image_encoder.backbone."):
            return Part("backbone", self.optimizer.backbone_rate, pretrained=True)
        return Part("model", 1.0)


@dataclass(frozen=True, kw_only=True)
class InstructSamTrainSettings(RunSettings):
    """A run of the whole InstructSAM objective on annotated images. model: a checkpoint folder in the
    released layout, which the run starts from.

    lora: adapters on the attention of the language model, whose layers then stay as they are; null trains the
    layers. parts: rate factors by part (``training/parts.py``), 0 freezes; the default is 1, that of
    pixel_tower 0. gradient_checkpointing: compute the layers of language model and vision tower again in the
    backward pass, which takes less memory and more time.
    """

    objective: Literal["instructsam"]
    model: str
    data: DataSettings
    loss: LossSettings = field(default_factory=LossSettings)
    lora: LoraSettings | None = None
    parts: dict[str, float] = field(default_factory=dict)
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rates(self.parts)
        if self.optimizer.backbone_rate:
            raise ValueError("optimizer.backbone_rate is of the compact model; set parts.pixel_tower")
        if self.optimizer.muon and self.lora:
            raise ValueError("optimizer.muon moves whole matrices; it does not go with lora")
        if self.lora and not self.parts.get("language", 1.0):
            raise ValueError("lora trains the language model, and parts.language is 0")

    def part(self, parameter: str) -> Part:
        """Return the part of a parameter, see ``training/parts.py``; with adapters, nothing else of the
        language model's layers learns.
        """
        part = instructsam_part(parameter, self.parts)
        frozen = self.lora and part.name == "language" and ".lora_" not in parameter
        return replace(part, rate=0.0) if frozen else part


def read_settings(
    path: str | Path, overrides: Sequence[str] = ()
) -> TrainSettings | InstructSamTrainSettings:
    """Read a training file; ``objective`` decides on its other keys. overrides: ``dotted.key=value``. Raises
    ConfigError that names the key.
    """
    return settings_from(load_mapping(path, overrides), str(path))


def settings_from(values: Any, where: str) -> TrainSettings | InstructSamTrainSettings:
    """Build the settings of a run from what its file holds. Raises ConfigError that begins with ``where``."""
    objective = values.get("objective", "compact") if isinstance(values, Mapping) else "compact"
    if objective == "instructsam":
        return build(InstructSamTrainSettings, values, where)
    if objective != "compact":
        raise ConfigError(f"{where}.objective: {objective!r} is not one of 'compact', 'instructsam'")
    return build(TrainSettings, _with_evaluation_sets(values), where)


def _with_evaluation_sets(values: Any) -> Any:
    """Settings in which ``evaluation: {root: ...}``, an earlier form, names its views as a data set."""
    evaluation = values.get("evaluation") if isinstance(values, Mapping) else None
    if not isinstance(evaluation, Mapping) or "root" not in evaluation:
        return values
    scenes = {key: evaluation[key] for key in ("root", "views", "instructions", "seed") if key in evaluation}
    others = {key: value for key, value in evaluation.items() if key not in scenes}
    return {**values, "evaluation": {"sets": [{"format": "scenes", "views": 100, **scenes}], **others}}


def load_settings(
    path: str | Path, overrides: Sequence[str] = ()
) -> TrainSettings | InstructSamTrainSettings:
    """Read and validate a training file. Raises ConfigError that names the key, for missing files too, and
    InvalidInputError for a folder without views.
    """
    settings = read_settings(path, overrides)
    check_data(settings, path)
    return settings


def check_data(settings: TrainSettings | InstructSamTrainSettings, path: str | Path) -> None:
    """Raise ConfigError for a model folder or views that are missing and for validation on training data, and
    InvalidInputError for a folder without views. path: of the training file, for the message.
    """
    if isinstance(settings, InstructSamTrainSettings) and not Path(settings.model).is_dir():
        raise ConfigError(
            f"{path}.model: there is no folder {settings.model}; {download_hint('model', settings.model)}"
        )
    validation = settings.evaluation.data_sets()
    training = settings.data.data_sets()
    common = [str(each.path) for each in validation if any(each.overlaps(other) for other in training)]
    if isinstance(settings, TrainSettings):
        roots = [Path(root) for root in settings.data.roots]
        views = [Path(each.settings.root) for each in validation if each.format == "scenes"]
        for root, hint in (
            *((r, f"6000 {r}") for r in roots),
            *((v, f"400 {v} --validation") for v in views),
        ):
            if not root.is_dir():
                raise ConfigError(
                    f"{path}: no folder {root}; render it first, e.g. instructsam scenes render {hint}"
                )
            view_paths(root)
        common += [str(view) for view in views if view.resolve() in [root.resolve() for root in roots]]
    if common:
        raise ConfigError(
            f"{path}: {', '.join(common)} is both in data and evaluation; a score on training data says "
            "nothing about other data"
        )


def download_hint(key: str, folder: str) -> str:
    """Return what to do where the setting ``key`` names a folder that does not exist."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", folder):
        local = f"weights/{Path(folder).name}"
        return (
            f"download it if it is an id on the hub (hf download {folder} --local-dir {local}), "
            f"and set {key}: {local}"
        )
    return "give the path of a folder"
