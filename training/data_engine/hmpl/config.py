"""The configuration file of the HMPL engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instructsam_ros.training.data.registry import DataSet, parse_data_sets
from instructsam_ros.training.data_engine.settings import Limits, Prices, VlmSettings
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class HmplConfig:
    """sets: of annotated images, as in a training file. vlm: the language model. out: a folder of its own.
    prompts: a file in the form of training/data_engine/prompts/hmpl.yaml. rounds: of annotator and inspector.
    pixels: least size of a mask. objects: of an image at most, drawn by seed; 0 for all. images: at most, 0
    for all. people: annotation folders of ``instructsam annotate``, whose accepted texts are polished.
    """

    vlm: VlmSettings
    out: Path
    sets: tuple[dict[str, Any], ...] = ()
    prices: Prices = field(default_factory=Prices)
    limits: Limits = field(default_factory=Limits)
    prompts: Path | None = None
    rounds: int = 3
    pixels: int = 64
    objects: int = 3
    images: int = 0
    seed: int = 0
    people: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.sets and not self.people:
            raise ValueError("sets and people are empty; name a data set or an annotation folder")
        check_range(self, 1, 20, "rounds")
        check_range(self, 0, math.inf, "pixels", "objects", "images", "seed")
        self.data_sets()

    def data_sets(self) -> list[DataSet]:
        """The sets. Raises ConfigError for one that cannot be."""
        return parse_data_sets(self.sets, "sets") if self.sets else []
