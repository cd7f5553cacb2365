"""What a training file says about losses and adapters; without torch, so that mistakes are found at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from instructsam_ros.models.instructsam.inference_mode import PRESETS, InferenceMode
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class SceneLossSettings:
    """Weights of the terms. phrase_membership, grounding, noun_absence, negative_instruction: see
    AuxiliaryHeads. selection: see SelectionTargets. order: cost of a query slot's distance from its
    target's rank from the left; it breaks the symmetry between slots.
    """

    RENAMED_KEYS: ClassVar[Mapping[str, str]] = {
        "named": "phrase_membership",
        "absent": "noun_absence",
        "missing": "negative_instruction",
        "choice": "selection",
    }

    language: float = 1.0
    score: float = 2.0
    box: float = 1.0
    pointer: float = 1.0
    mask: float = 1.5
    objectness: float = 1.0
    category: float = 1.0
    color: float = 0.5
    phrase_membership: float = 1.0
    grounding: float = 1.0
    noun_absence: float = 1.0
    negative_instruction: float = 1.0
    dense_box: float = 1.0
    dense_mask: float = 1.0
    cell_mask: float = 1.0
    selection: float = 1.0
    order: float = 0.7

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, *(f.name for f in fields(self)))


@dataclass(frozen=True)
class LossSettings:
    """Weights of the terms. sample_points: compute mask losses on 12544 points instead of all pixels.

    procedure: "released" or "paper" where they differ (last_sample_decides, weights_twice and
    box_rows_from_channels of InferenceMode); "model" is that of the model's own inference_mode.
    empty_samples: teach masks and scores also by samples without any instance, not language alone as in the
    release.
    """

    bce: float = 2.0
    dice: float = 0.5
    score: float = 1.0
    sample_points: bool = True
    procedure: Literal["model", "released", "paper"] = "model"
    empty_samples: bool = True

    def mode(self, of_model: InferenceMode) -> InferenceMode:
        """Choices of the losses, given those of the model."""
        return of_model if self.procedure == "model" else PRESETS[self.procedure]


@dataclass(frozen=True)
class LoraSettings:
    """r: rank of the adapters. alpha: their output is scaled by alpha / r. dropout: of their input."""

    r: int = 64
    alpha: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "r", "alpha")
        check_range(self, 0, 1, "dropout")


@dataclass(frozen=True)
class AlignmentSettings:
    """Losses of SAM3-I. alignment: those between the routes (stage 3), as "released" or by the "paper".

    contrast, anchor, agreement, disagreement: weights of the four (L_inst, L_anchor, L_mask, L_hard).
    temperature, same_concept_weight: of the contrast; margin: of the anchor. one_to_many: decode a second set
    of queries that may answer for an instance together (DAC).
    """

    alignment: Literal["released", "paper"] = "released"
    contrast: float = 1.0
    anchor: float = 1.0
    agreement: float = 0.001
    disagreement: float = 1.0
    temperature: float = 0.1
    same_concept_weight: float = 0.5
    margin: float = 0.2
    one_to_many: bool = True

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "contrast", "anchor", "agreement", "disagreement", "margin")
        check_range(self, 1e-6, math.inf, "temperature", "same_concept_weight")
