"""Checks of sizes that transformers accepts, although the model that it builds cannot run.

Each is an error here, before weights are read: a shape that does not fit would show at the first image, and
a layer that does not exist never.
"""

from __future__ import annotations

from typing import Any

from transformers import Qwen3VLTextConfig, Qwen3VLVisionConfig

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import sam3_config

_DETECTOR_PARTS = ("detr_encoder_config", "detr_decoder_config", "mask_decoder_config")
_DEFAULT_SECTION = [24, 20, 20]  # of Qwen3VLTextModel


def check_sizes(config: InstructSamConfig) -> None:
    """Raise ConfigError, naming the key in config.json, for heads that do not divide what they share, for a
    mrope_section that is not that of the heads, and for DeepStack layers that do not exist.
    """
    _check_text(Qwen3VLTextConfig(**config.language))
    sam = sam3_config(config)
    for part in _DETECTOR_PARTS:
        _check_heads(getattr(sam, part), f"sam_config.{part}", "num_attention_heads")
    if config.image_encoder == "two_tower":
        # Half of a head turns with the row and half with the column, each in pairs.
        backbone = sam.vision_config.backbone_config
        _check_heads(backbone, "sam_config.vision_config.backbone_config", "num_attention_heads", 4)
        vision = Qwen3VLVisionConfig(**config.vision)
        _check_heads(vision, "vision_config", "num_heads", 4)
        _check_deepstack(vision)


def _check_text(text: Any) -> None:
    if text.num_attention_heads % text.num_key_value_heads:
        raise ConfigError(
            f"text_config: {text.num_key_value_heads} num_key_value_heads cannot be shared evenly by "
            f"{text.num_attention_heads} num_attention_heads"
        )
    section = text.rope_parameters.get("mrope_section", _DEFAULT_SECTION)
    if len(section) != 3 or 2 * sum(section) != text.head_dim:
        raise ConfigError(
            f"text_config.rope_parameters.mrope_section is {section}; it needs three numbers that make "
            f"{text.head_dim / 2:g}, half of head_dim"
        )


def _check_heads(part: Any, where: str, key: str, multiple: int = 1) -> None:
    width, heads = part.hidden_size, getattr(part, key)
    if heads < 1 or width % (heads * multiple):
        raise ConfigError(
            f"{where}: hidden_size {width} cannot be split into {heads} heads ({key}) of equal width"
            + (f", a multiple of {multiple}" if multiple > 1 else "")
        )


def _check_deepstack(vision: Any) -> None:
    indexes = vision.deepstack_visual_indexes
    if len(set(indexes) & set(range(vision.depth))) < len(indexes):
        raise ConfigError(
            f"vision_config.deepstack_visual_indexes is {list(indexes)}; it needs different layers of the "
            f"{vision.depth} that there are, counted from 0"
        )
