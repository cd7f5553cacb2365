"""What SAM3-I adds to SAM 3; its release and its paper (arXiv 2512.04585 v3) are presets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import build, check_range


@dataclass(frozen=True)
class Sam3IConfig:
    """bottleneck: width inside an adapter. text_heads, text_dropout: of the attention in text adapters.
    scale: factor of what detector adapters add.

    own_simple_copy: the complex route has a copy of the simple adapters in front of its own; otherwise it
    shares them. encoder, decoder: adapters in the fusion encoder and the decoder. encoder_skip: the complex
    adapter of the fusion encoder also adds its own input. pixels: adapters in parallel to the connections of
    the pixel decoder. mask_embedders: a mask predictor of its own for each route. projector: from text
    features to the alignment losses, one for all routes, one for each, or none.
    """

    bottleneck: int = 64
    text_heads: int = 4
    text_dropout: float = 0.1
    scale: float = 1.0
    own_simple_copy: bool = True
    encoder: bool = True
    decoder: bool = True
    encoder_skip: bool = True
    pixels: bool = False
    mask_embedders: bool = True
    projector: Literal["shared", "separate", "none"] = "shared"

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "bottleneck", "text_heads")
        check_range(self, 0, 1, "text_dropout")


RELEASED = Sam3IConfig()
PAPER = Sam3IConfig(
    own_simple_copy=False, encoder=False, encoder_skip=False, pixels=True, mask_embedders=False
)
PRESETS: Mapping[str, Sam3IConfig] = {"released": RELEASED, "paper": PAPER}


def read_adapter_config(value: str | Mapping[str, Any]) -> Sam3IConfig:
    """Read a preset by name, or a mapping with ``preset`` and what differs from it. Raises ConfigError."""
    if not isinstance(value, str | Mapping):
        raise ConfigError(f"adapters: expected a preset or a mapping, got {value!r}")
    changes = {"preset": value} if isinstance(value, str) else dict(value)
    name = changes.pop("preset", "released")
    if name not in PRESETS:
        raise ConfigError(f"adapters: preset {name!r} is not one of {', '.join(PRESETS)}")
    return build(Sam3IConfig, vars(PRESETS[name]) | changes, "adapters")
