"""Reader of rendered views, as ``instructsam scenes render`` writes them (docs/scenes.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.data.view_samples import (
    hand_samples,
    instruction_samples,
    noun_samples,
    spread_views,
)
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Settings:
    """root: folder of the views. views: how many, spread over the folder, 0 for all. instructions: generated
    about each, drawn by seed. wordings: those that training draws, or others. nouns: instead of instructions,
    the bare names of the categories in each view. categories: only instructions that name one of these, with
    or without a colour; () for all. hands: also the hands in each view, and instructions about what they hold
    and touch.
    """

    root: Path
    views: int = 0
    instructions: int = 6
    seed: int = 5
    wordings: Literal["train", "heldout"] = "heldout"
    nouns: bool = False
    categories: tuple[str, ...] = ()
    hands: bool = False

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "views", "seed")
        check_range(self, 1, math.inf, "instructions")


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, view by view. Raises InvalidInputError for a folder without or with damaged views."""
    rng = np.random.default_rng(settings.seed)
    for path, view in spread_views(settings.root, settings.views, broken):
        if settings.nouns:
            samples = noun_samples(path, view)
        else:
            samples = instruction_samples(path, view, settings.instructions, rng, settings.wordings)
        for sample in samples:
            if not settings.categories or _names(sample, settings.categories):
                yield sample
        if settings.hands:
            yield from hand_samples(path, view, settings.seed)


def _names(sample: Sample, categories: tuple[str, ...]) -> bool:
    return f" {sample.phrases[0].text}".endswith(tuple(f" {name}" for name in categories))
