"""Settings of the lifting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instructsam_ros.errors import ConfigError

NAMED: Mapping[str, Mapping[str, Any]] = {
    "tight": {"rim_px": 4, "relative_jump": 0.01, "min_cluster_share": 0.3},
    "default": {},
    "whole": {"rim_px": 0, "relative_jump": 0.05, "min_cluster_share": 0.02},
}
"""Named settings. tight: only points that surely are the object's, for grasps. whole: all that may be its,
for collision checks.
"""


@dataclass(frozen=True)
class LiftSettings:
    """Thresholds of depth filtering and plane estimation.

    min_depth, max_depth: metres; readings outside are ignored. rim_px: erosion of masks, pixels.
    relative_jump: difference of neighbouring depths, relative to depth, that counts as a step.
    min_cluster_share: smaller separate parts of a cloud, relative to its main part, are outliers.
    min_valid_ratio, min_points: below either an instance has low_depth. plane_tolerance: metres.
    min_plane_ratio: minimum share of the scene on a support plane. scene_margin_px: dilation of the
    targets before they are removed from the scene cloud.
    """

    min_depth: float = 0.1
    max_depth: float = 10.0
    rim_px: int = 2
    relative_jump: float = 0.02
    min_cluster_share: float = 0.1
    min_valid_ratio: float = 0.2
    min_points: int = 20
    plane_tolerance: float = 0.01
    min_plane_ratio: float = 0.1
    scene_margin_px: int = 6

    @classmethod
    def named(cls, name: str, **changes: Any) -> LiftSettings:
        """Return the settings of a name, a key of NAMED, with other values changed. Raises ConfigError."""
        if name not in NAMED:
            raise ConfigError(f"there are no lift settings {name!r}; known: {', '.join(NAMED)}")
        return cls(**{**NAMED[name], **changes})

    def __post_init__(self) -> None:
        if not 0 <= self.min_depth < self.max_depth:
            raise ConfigError(
                f"min_depth {self.min_depth} and max_depth {self.max_depth} (metres) leave no range"
            )
        for name in ("min_cluster_share", "min_valid_ratio", "min_plane_ratio"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is a share between 0 and 1")
        for name in ("relative_jump", "plane_tolerance"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be positive")
        for name in ("rim_px", "min_points", "scene_margin_px"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it cannot be negative")
