"""Sizes with which a model would be built that cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.validation import check_sizes


def test_the_published_sizes_are_valid(full_size: InstructSamConfig) -> None:
    check_sizes(full_size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision_config": {"num_heads": 3}}, r"vision_config: hidden_size 32 .* 3 heads \(num_heads\)"),
        ({"vision_config": {"num_heads": 16}}, "a multiple of 4"),  # the default: two numbers cannot turn
        ({"text_config": {"num_key_value_heads": 3}}, "3 num_key_value_heads"),
        (
            {"text_config": {"rope_parameters": {"mrope_section": [4, 2]}}},
            r"mrope_section is \[4, 2\].* 8, half",
        ),
        ({"text_config": {"rope_parameters": {"mrope_section": [4, 2, 9]}}}, r"mrope_section is \[4, 2, 9\]"),
        (
            {"sam_config": {"detr_encoder_config": {"num_attention_heads": 5}}},
            r"sam_config\.detr_encoder_config",
        ),
        ({"vision_config": {"deepstack_visual_indexes": [0, 3]}}, r"\[0, 3\].* the 3 that there are"),
        ({"vision_config": {"deepstack_visual_indexes": [1, 1]}}, "different layers"),
    ],
)
def test_inconsistent_sizes_are_named(folder: Path, changes: dict[str, Any], message: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(merged(json.loads(path.read_text()), changes)))
    with pytest.raises(ConfigError, match=message):
        load_folder(folder)


def merged(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Replace values of ``settings`` by those of ``changes``, at every depth."""
    nested = {k: merged(settings[k], v) for k, v in changes.items() if isinstance(v, dict)}
    return settings | changes | nested
