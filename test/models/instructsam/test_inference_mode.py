"""Presets of the inference mode, variants of them, and the switches of the design."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED, read_inference_mode


def test_presets_and_variants_are_read_by_name() -> None:
    assert read_inference_mode("paper") == PAPER
    changed = read_inference_mode({"preset": "released", "block_offset": 0})
    assert changed == dataclasses.replace(RELEASED, block_offset=0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected a preset or a mapping"),
        ("best", "'best' is not one of released, paper"),
        ({"block_offset": 0}, "preset None is not one of"),
        ({"preset": "paper", "blocks": 1}, "unknown setting blocks"),
    ],
)
def test_other_values_are_named(value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_inference_mode(value)  # type: ignore[arg-type]


def test_without_phrase_conditioning_the_detector_reads_no_phrase(fresh_tiny_model) -> None:
    model, ids = fresh_tiny_model, torch.tensor([[3, 4]])
    assert model.project_phrases(ids).abs().sum() > 0
    mode = {"preset": "paper", "phrase_conditioning": False}
    model.config = dataclasses.replace(model.config, inference_mode=mode)
    assert torch.equal(model.project_phrases(ids), model.project_phrases(ids + 1))
