"""The frozen manifest of what is held out from training: seeds, surfaces, pairs, sentence templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import load_yaml

SEEDS_PER_SPLIT = 100_000_000
NOVEL_WORLDS = ("heldout", "testset")
"""Splits that also sample the surfaces and pairs kept from training."""


@dataclass(frozen=True)
class SplitManifest:
    """seeds: first scene seed of each split. pairs: (color, category). templates: sentence template ids."""

    seeds: dict[str, int]
    surfaces: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    templates: tuple[str, ...] = ()

    def scene_seed(self, split: str, offset: int) -> int:
        """Seed of scene ``offset`` of a split; ConfigError outside of the split's range."""
        if split not in self.seeds:
            raise ConfigError(f"unknown split {split!r}; known: {', '.join(self.seeds)}")
        if not 0 <= offset < SEEDS_PER_SPLIT:
            raise ConfigError(f"seeds of a split run from 0 to {SEEDS_PER_SPLIT - 1}, got {offset}")
        return self.seeds[split] + offset


@cache
def manifest() -> SplitManifest:
    """The manifest shipped with the package."""
    return load_yaml(SplitManifest, Path(__file__).with_name("splits.yaml"))
