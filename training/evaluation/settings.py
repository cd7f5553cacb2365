"""The YAML file behind ``instructsam eval``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.protocols import Protocol, protocol
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class ModelSettings:
    """model: a shipped model, a folder or a hub id. device: "auto", "cpu", "cuda" ... options: further ones
    of its backend. name: in the tables, by default the model's.
    """

    model: str
    device: str = "auto"
    options: dict[str, Any] | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """What tables call it."""
        return self.name or f"{self.model} {self.options or ''}".strip()


@dataclass(frozen=True, kw_only=True)
class EvaluationFile:
    """One or several models on one benchmark.

    data: settings of the protocol's reader, such as ``annotations`` and ``images``. out: the report's folder.
    limit: only the first so many instructions, 0 for all. worst: cases on the page. seed: of the confidence
    intervals. refine_with_depth: whether masks are refined where the data has depth.
    """

    out: Path
    data: dict[str, Any]
    models: tuple[ModelSettings, ...] = (ModelSettings("compact"),)
    protocol: str = "inst2seg"
    limit: int = 0
    worst: int = 60
    seed: int = 0
    refine_with_depth: bool = False

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models is empty; name at least one")
        if len({model.title for model in self.models}) < len(self.models):
            raise ValueError("two models have the same name; set name")
        check_range(self, 0, math.inf, "limit", "worst", "seed")
        self.rules()

    def rules(self) -> Protocol:
        """The protocol. Raises ConfigError for an unknown one."""
        return protocol(self.protocol)

    def samples(self, broken: BrokenRecords) -> Iterator[Sample]:
        """Read the benchmark, see Protocol.samples."""
        return self.rules().samples(self.data, broken)
