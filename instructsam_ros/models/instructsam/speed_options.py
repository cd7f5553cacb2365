"""Options that trade accuracy for speed; all are off by default."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.pyramid_config import PyramidConfig
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.yaml_config import build, check_range


@dataclass(frozen=True)
class SpeedOptions:
    """Options that trade accuracy for speed; docs/speed.md has the cost of each.

    sam_size: side in pixels of the SAM 3 input instead of the 1008 that it was trained at, a multiple
        of its 14 pixel patches. Only for models with a SAM 3 encoder.
    pyramid_size: width and height in pixels of the compact model's input instead of 384 and 288,
        multiples of 32. It was trained at 320 x 256 and 256 x 192, too.
    reuse_frames: on a stream with an active instruction, number of consecutive frames that share one
        generation of the language model; the detector runs on every frame. 1 generates on every frame.
    """

    sam_size: int | None = None
    pyramid_size: tuple[int, int] | None = None
    reuse_frames: int = 1

    def __post_init__(self) -> None:
        if self.sam_size is not None:
            check_range(self, 1, math.inf, "sam_size")
        if self.pyramid_size is not None:
            width, height = self.pyramid_size
            PyramidConfig(height, width)  # raises ValueError for what the encoder cannot take
        check_range(self, 1, math.inf, "reuse_frames")

    @classmethod
    def read(cls, settings: Mapping[str, Any] | None) -> SpeedOptions:
        """Read a mapping such as {"sam_size": 672}. Raises ConfigError that names the key."""
        return build(cls, settings or {}, "speed_options")

    def apply_to_config(self, config: InstructSamConfig) -> InstructSamConfig:
        """Set the input size in a configuration. Raises ConfigError for a size of another kind of encoder."""
        if self.sam_size is not None:
            if config.image_encoder != "two_tower":
                raise ConfigError("speed_options.sam_size: this model has no SAM 3 encoder")
            config = with_sam_size(config, self.sam_size)
        if self.pyramid_size is not None:
            if config.image_encoder != "pyramid":
                raise ConfigError("speed_options.pyramid_size: only the compact model has a pyramid encoder")
            width, height = self.pyramid_size
            config = dataclasses.replace(config, vision={**config.vision, "height": height, "width": width})
        return config


def with_sam_size(config: InstructSamConfig, size: int) -> InstructSamConfig:
    """Set the side in pixels of a two-tower model's SAM 3 input.

    No weight depends on the size: position embeddings are tiled and rotary positions scaled to it, as
    upstream does. Raises ConfigError unless ``size`` is a multiple of the patches.
    """
    sam = copy.deepcopy(config.sam)
    backbone = sam.setdefault("vision_config", {}).setdefault("backbone_config", {})
    patch = backbone.get("patch_size", 14)
    if size % patch:
        raise ConfigError(f"speed_options.sam_size must be a multiple of {patch}, got {size}")
    backbone |= {"model_type": "sam3_vit_model", "image_size": size}
    return dataclasses.replace(config, sam=sam)
