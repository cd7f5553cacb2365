"""Options that trade accuracy for speed: their effect on results, and unusable ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Sam3VisionModel

from instructsam_ros.backends.instructsam import InstructSamSegmenter, load
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import sam3_config
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.speed_options import SpeedOptions, with_sam_size
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.types import Status

torch.set_num_threads(1)
RGB = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def calls(segmenter: InstructSamSegmenter) -> list[str]:
    """Record the names of the parts of the model that compute, in a list that grows."""
    seen: list[str] = []
    for part in ("language", "detector", "image_encoder"):
        module = segmenter.model.get_submodule(part)
        module.register_forward_hook(lambda *_, name=part: seen.append(name))
    return seen


def test_smaller_sam_input_equals_upstream_at_that_size(
    tiny_folder: Path, tiny_model: InstructSam, tiny_config: InstructSamConfig
) -> None:
    smaller = load(
        str(tiny_folder), "cpu", dtype="float32", speed_options={"sam_size": 56}, score_threshold=0.0
    )
    pixels = smaller.model.image_encoder.preprocess(RGB).pixels
    assert pixels.shape == (1, 3, 56, 56)
    upstream = Sam3VisionModel(sam3_config(with_sam_size(tiny_config, 56)).vision_config).eval()
    state = tiny_model.image_encoder.pixel_tower.state_dict()
    lacking = upstream.load_state_dict(state, strict=False)
    assert all(name.startswith("neck.fpn_layers.3.") for name in lacking.missing_keys)
    assert lacking.unexpected_keys == []
    with torch.inference_mode():
        levels, position = smaller.model.image_encoder.pyramid(pixels)
        expected = upstream(pixels)
    for level, reference in zip(levels, expected.fpn_hidden_states, strict=False):
        torch.testing.assert_close(level, reference, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(position, expected.fpn_position_encoding[len(levels) - 1])


def test_a_generation_is_reused_for_reuse_frames_frames(tiny_folder: Path) -> None:
    segmenter = load(
        str(tiny_folder), "cpu", dtype="float32", speed_options={"reuse_frames": 3}, score_threshold=0.0
    )
    seen, generated, previous = calls(segmenter), [], None
    for _ in range(7):
        seen.clear()
        previous = segmenter.segment(segmenter.encode(RGB), "red mug", previous=previous)
        assert "image_encoder" in seen
        generated.append("language" in seen)
    assert generated == [True, False, False, True, False, False, True]
    seen.clear()
    segmenter.segment(segmenter.encode(RGB), "blue bowl", previous=previous)
    assert "language" in seen


def test_a_generation_is_not_reused_by_default(tiny_folder: Path) -> None:
    segmenter = load(str(tiny_folder), "cpu", dtype="float32")
    seen = calls(segmenter)
    first = segmenter.segment_image(RGB, "red mug")
    seen.clear()
    segmenter.segment(segmenter.encode(RGB), "red mug", previous=first)
    assert "language" in seen


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sam_size": 57}, "multiple of"),
        ({"sam_size": 0}, "sam_size must be at least 1"),
        ({"pyramid_size": [320, 250]}, "multiples of 32"),
        ({"pyramid_size": 320}, "expected a list"),
        ({"reuse_frames": 0}, "at least 1"),
        ({"speed": 9}, "unknown setting speed"),
        ({"reuse_frames": True}, "expected int"),
    ],
)
def test_unusable_settings_are_named(tiny_folder: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(str(tiny_folder), "cpu", speed_options=settings)


def test_a_size_of_another_encoder_is_an_error(tiny_config: InstructSamConfig) -> None:
    compact = dataclasses.replace(tiny_config, image_encoder="pyramid")
    with pytest.raises(ConfigError, match="no SAM 3 encoder"):
        SpeedOptions(sam_size=56).apply_to_config(compact)
    with pytest.raises(ConfigError, match="only the compact model"):
        SpeedOptions(pyramid_size=(320, 256)).apply_to_config(tiny_config)


def test_smaller_compact_input_finds_nearly_the_same_in_most_scenes() -> None:
    exact, smaller = (
        load("compact", "cpu", dtype="float32", speed_options={"pyramid_size": size})
        for size in (None, [320, 256])
    )
    assert smaller.model.image_encoder.preprocess(RGB).pixels.shape == (1, 3, 256, 320)
    overlaps = []
    for path in view_paths(DATA / "scenes"):
        rgb = load_view(path, depth=False).rgb
        answers = (segmenter.segment_image(rgb, "all the mugs").instances for segmenter in (exact, smaller))
        left, right = (np.any([instance.mask for instance in answer], axis=0) for answer in answers)
        overlaps.append((left & right).sum() / (left | right).sum())
    assert 0.9 < np.median(overlaps) < 1


def test_a_smaller_input_keeps_the_backbone() -> None:
    smaller = load("compact_real", "cpu", speed_options={"pyramid_size": [320, 256]})
    assert smaller.model.config.vision == {"height": 256, "width": 320, "backbone": "nanodet"}
    assert smaller.segment_image(RGB, "the mug").status in Status
