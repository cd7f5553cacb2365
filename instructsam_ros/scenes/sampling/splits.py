"""Frozen manifest of the splits: seeds, and surfaces, pairs and templates held out from training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import load_yaml

SEEDS_PER_SPLIT = 100_000_000
NOVEL_SPLITS = ("heldout", "testset")  # "heldout": name of the validation split in files
"""Splits that also use the surfaces and pairs held out from training."""


@dataclass(frozen=True)
class SplitManifest:
    """Holds seeds and held-out values of the splits.

    seeds: first scene seed of each split. pairs: (color, category). templates: sentence template ids.
    """

    seeds: dict[str, int]
    surfaces: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    templates: tuple[str, ...] = ()

    def scene_seed(self, split: str, offset: int) -> int:
        """Return the seed of scene ``offset`` of a split. Raises ConfigError outside of the split's range."""
        if split not in self.seeds:
            raise ConfigError(f"unknown split {split!r}; known: {', '.join(self.seeds)}")
        if not 0 <= offset < SEEDS_PER_SPLIT:
            raise ConfigError(f"seeds of a split run from 0 to {SEEDS_PER_SPLIT - 1}, got {offset}")
        return self.seeds[split] + offset


@cache
def manifest() -> SplitManifest:
    """Load the manifest shipped with the package."""
    return load_yaml(SplitManifest, Path(__file__).with_name("splits.yaml"))
