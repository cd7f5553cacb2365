"""Presets of the inference mode, and variants of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED, read_inference_mode


def test_presets_are_read_by_name() -> None:
    assert read_inference_mode("released") == RELEASED
    assert read_inference_mode({"preset": "paper"}) == PAPER


def test_the_presets_differ_in_every_choice() -> None:
    for field in dataclasses.fields(PAPER)[:-2]:  # the last two are the design's, which both follow
        assert getattr(PAPER, field.name) != getattr(RELEASED, field.name), field.name


def test_choices_replace_those_of_the_preset() -> None:
    mode = read_inference_mode({"preset": "released", "positions": "grid", "block_offset": 0})
    assert mode == dataclasses.replace(RELEASED, positions="grid", block_offset=0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fast", "preset 'fast' is not one of released, paper"),
        ({"block_offset": 1}, "preset None"),
        ({"preset": "paper", "offset": 1}, "unknown setting offset"),
        ({"preset": "paper", "positions": "rows"}, "'rows' is not one of 'text', 'grid'"),
        ({"preset": "paper", "phrase_markers": 1}, "phrase_markers: expected bool"),
        (None, "expected a preset or a mapping, got None"),
    ],
)
def test_unusable_modes_are_named(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_inference_mode(value)


def test_without_phrase_conditioning_the_detector_reads_no_phrase(fresh_tiny_model) -> None:
    model, ids = fresh_tiny_model, torch.tensor([[3, 4]])
    assert model.project_phrases(ids).abs().sum() > 0
    mode = {"preset": "paper", "phrase_conditioning": False}
    model.config = dataclasses.replace(model.config, inference_mode=mode)
    assert torch.equal(model.project_phrases(ids), model.project_phrases(ids + 1))
