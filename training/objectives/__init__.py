"""Objectives: what a run learns, behind one protocol, so that one trainer serves them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from instructsam_ros.segmenter import Segmenter
    from instructsam_ros.training.config import RunSettings


class Batch(Protocol):
    """One step's data of one process. Its ``records``, if it has any, name its samples in messages."""

    def to(self, device: torch.device) -> Any:
        """A copy with every tensor on ``device``."""


class Objective(Protocol):
    """Builds a model and its data, and computes the loss to minimise.

    model, heads: trained together, as far as their weights require gradients; only the model is averaged,
    evaluated and exported. batches: index = step * processes + process.
    images: of one batch. evaluate_after: the last step whose weights cannot be evaluated.
    """

    images: int
    evaluate_after: int

    @property
    def model(self) -> nn.Module:
        """The model that learns."""

    @property
    def heads(self) -> nn.Module:
        """Modules that exist only in training."""

    @property
    def batches(self) -> Dataset[Any]:
        """Batches by index."""

    def segmenter(self, model: nn.Module) -> Segmenter:
        """Wrap a model of this objective, such as its averaged weights, as users run it."""

    def start(self) -> None:
        """Load the weights that a new run begins with, if its settings name any."""

    def loss(self, batch: Any, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The total to minimise, and its terms by name (unweighted or not, detached)."""


def build_objective(settings: RunSettings, folder: Path, processes: int = 1) -> Objective:
    """The objective that a training file names. folder: of the run."""
    # Imported when chosen; the settings import the loss settings of all objectives.
    from instructsam_ros.training.config import InstructSamTrainSettings, Sam3ITrainSettings, TrainSettings

    if isinstance(settings, InstructSamTrainSettings):
        from instructsam_ros.training.objectives.instructsam.objective import InstructSamObjective

        return InstructSamObjective(settings, processes)
    if isinstance(settings, Sam3ITrainSettings):
        from instructsam_ros.training.objectives.sam3i.objective import Sam3IObjective

        return Sam3IObjective(settings, processes)
    if isinstance(settings, TrainSettings) and settings.objective == "seg_token":
        from instructsam_ros.training.objectives.seg_token.objective import SegTokenObjective

        return SegTokenObjective(settings, folder, processes)
    if isinstance(settings, TrainSettings):
        from instructsam_ros.training.objectives.compact.objective import CompactObjective

        return CompactObjective(settings, folder, processes)
    raise TypeError(f"no objective takes {type(settings).__name__}")
