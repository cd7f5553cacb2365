"""The YAML file behind ``instructsam train``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.pyramid_config import PyramidConfig
from instructsam_ros.scenes.dataset import view_paths
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objective_settings import (
    AlignmentSettings,
    LoraSettings,
    LossSettings,
    SceneLossSettings,
)
from instructsam_ros.training.parts import Part, check_rates, instructsam_part
from instructsam_ros.training.run_settings import (
    MAX_SEED,
    BestSettings,
    DataSettings,
    EvaluationSettings,
    OptimizerSettings,
    RunSettings,
)
from instructsam_ros.yaml_config import build, check_range, load_mapping

__all__ = [
    "MAX_SEED",
    "BestSettings",
    "DataSettings",
    "EvaluationSettings",
    "InstructSamTrainSettings",
    "OptimizerSettings",
    "RunSettings",
    "Sam3ITrainSettings",
    "Settings",
    "TrainSettings",
    "check_data",
    "download_hint",
    "load_settings",
    "read_settings",
    "settings_from",
]


@dataclass(frozen=True, kw_only=True)
class TrainSettings(RunSettings):
    """A run of a compact model on rendered views, annotated images or both.

    objective: "seg_token" is a model that writes one [SEG] token per instance, which ignores ``loss.order``.
    model: name under config/models or path of the model's configuration. backbone: pretrained image weights.
    init: an earlier run's folder (its averaged weights and heads), a model folder, or the name of a shipped
    model, to start from; with a backbone, all of it but its own backbone and what reads that.
    image_only_steps: first steps that train only the image side, on the dense losses.
    """

    objective: Literal["compact", "seg_token"] = "compact"
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


@dataclass(frozen=True, kw_only=True)
class Sam3ITrainSettings(RunSettings):
    """A stage of SAM3-I. model: a folder or file of SAM 3 (stages 0 and 1), or the export of the stage
    before; in stage 0 also the file of a compact model, a name under config/models or its path.

    stage: 0 trains SAM 3 itself, but for its image side, on noun phrases; 1 learns simple instructions, 2
    complex ones, 3 both at once with the alignment losses.
    adapters: a preset or changes of one, for a model without adapters. start: see ``initialise`` (stage 1)
    and ``start_complex`` (stage 2). text_rate: share of the learning rate for text adapters. features: a
    folder where the features of the image tower, which never learns, are kept for later steps and runs.
    """

    objective: Literal["sam3i"]
    model: str
    stage: Literal[0, 1, 2, 3]
    data: DataSettings
    adapters: str | dict[str, Any] = "released"
    start: Literal["learnable", "released", "paper"] = "learnable"
    loss: AlignmentSettings = field(default_factory=AlignmentSettings)
    text_rate: float = 0.0625
    features: str = ""

    @property
    def is_fresh(self) -> bool:
        """Whether ``model`` is the file of a compact model, without weights."""
        return self.stage == 0 and not self.model.endswith(".pt") and not Path(self.model).is_dir()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, math.inf, "text_rate")
        if self.optimizer.muon or self.optimizer.backbone_rate:
            raise ValueError("optimizer.muon and optimizer.backbone_rate are not of SAM3-I")
        if self.stage == 1 and self.start == "paper":
            raise ValueError('start: "paper" is how complex adapters begin, in stage 2')

    def part(self, parameter: str) -> Part:
        """Return the part of a parameter: only adapters that the stage runs learn, in stage 0 SAM 3."""
        if self.stage == 0:
            return Part("sam3", 0.0 if parameter.startswith("net.vision_encoder.") else 1.0)
        name = parameter.removeprefix("adapters.")
        learns = (
            name != parameter
            and {
                1: ".simple." in name,
                2: ".simple_copy." in name or ".complex." in name,
                3: True,
            }[self.stage]
        )
        if name.startswith("projectors."):
            learns = self.stage == 3
        if name.startswith("text."):
            return Part("text_adapters", self.text_rate if learns else 0.0)
        return Part("adapters", 1.0 if learns else 0.0)


Settings = TrainSettings | InstructSamTrainSettings | Sam3ITrainSettings
"""Of any training file."""


def read_settings(path: str | Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a training file; ``objective`` decides on its other keys. overrides: ``dotted.key=value``. Raises
    ConfigError that names the key.
    """
    return settings_from(load_mapping(path, overrides), str(path))


def settings_from(values: Any, where: str) -> Settings:
    """Build the settings of a run from what its file holds. Raises ConfigError that begins with ``where``."""
    objective = values.get("objective", "compact") if isinstance(values, Mapping) else "compact"
    if objective == "instructsam":
        return build(InstructSamTrainSettings, values, where)
    if objective == "sam3i":
        return build(Sam3ITrainSettings, values, where)
    if objective not in ("compact", "seg_token"):
        known = "'compact', 'instructsam', 'sam3i', 'seg_token'"
        raise ConfigError(f"{where}.objective: {objective!r} is not one of {known}")
    return build(TrainSettings, _with_evaluation_sets(values), where)


def _with_evaluation_sets(values: Any) -> Any:
    """Settings in which ``evaluation: {root: ...}``, an earlier form, names its views as a data set."""
    evaluation = values.get("evaluation") if isinstance(values, Mapping) else None
    if not isinstance(evaluation, Mapping) or "root" not in evaluation:
        return values
    scenes = {key: evaluation[key] for key in ("root", "views", "instructions", "seed") if key in evaluation}
    others = {key: value for key, value in evaluation.items() if key not in scenes}
    return {**values, "evaluation": {"sets": [{"format": "scenes", "views": 100, **scenes}], **others}}


def load_settings(path: str | Path, overrides: Sequence[str] = ()) -> Settings:
    """Read and validate a training file. Raises ConfigError that names the key, for missing files too, and
    InvalidInputError for a folder without views.
    """
    settings = read_settings(path, overrides)
    check_data(settings, path)
    return settings


def check_data(settings: Settings, path: str | Path) -> None:
    """Raise ConfigError for a model folder or views that are missing and for validation on training data, and
    InvalidInputError for a folder without views. path: of the training file, for the message.
    """
    is_fresh = isinstance(settings, TrainSettings) or (
        isinstance(settings, Sam3ITrainSettings) and settings.is_fresh
    )
    if not is_fresh and not Path(settings.model).exists():
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
