"""Reader of rendered views, as ``instructsam scenes render`` writes them (docs/scenes.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instructsam_ros.scenes.dataset import view_paths
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.data.scenes import noun_samples, validation_samples
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Settings:
    """root: folder of the views. views: how many, spread over the folder, 0 for all. instructions: generated
    about each, drawn by seed. wordings: those that training draws, or others. nouns: instead of instructions,
    the bare names of the categories in each view.
    categories: only instructions that name one of these, with or without a colour; () for all.
    """

    root: Path
    views: int = 0
    instructions: int = 6
    seed: int = 5
    wordings: Literal["train", "heldout"] = "heldout"
    nouns: bool = False
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "views", "seed")
        check_range(self, 1, math.inf, "instructions")


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, view by view. Raises InvalidInputError for a folder without or with damaged views."""
    views = settings.views or len(view_paths(settings.root))
    if settings.nouns:
        samples = noun_samples(settings.root, views, broken)
    else:
        samples = validation_samples(
            settings.root, views, settings.instructions, settings.seed, broken, settings.wordings
        )
    return (each for each in samples if not settings.categories or _names(each, settings.categories))


def _names(sample: Sample, categories: tuple[str, ...]) -> bool:
    return f" {sample.phrases[0].text}".endswith(tuple(f" {name}" for name in categories))
