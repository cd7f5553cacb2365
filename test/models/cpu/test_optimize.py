"""An optimized model gives the results of the plain one, within rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from instructsam_ros.backends.instructsam import InstructSamSegmenter, load
from instructsam_ros.models.common.device import computes_bfloat16
from instructsam_ros.models.cpu import bfloat16_attention
from instructsam_ros.models.cpu.optimize import optimize_for_cpu, use_bfloat16_attention
from instructsam_ros.models.cpu.prepacked_weights import PackedConv2d, PackedLinear
from instructsam_ros.models.cpu.rotary_attention import RotaryAttention
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths

torch.set_num_threads(1)
OURS = (RotaryAttention, PackedConv2d, PackedLinear)
TOLERANCES = {"float32": 1e-4, "bfloat16": 0.1}
"""Of logits and boxes, as a part of their spread."""
precisions = pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        pytest.param(
            "bfloat16",
            marks=pytest.mark.skipif(not computes_bfloat16(torch.device("cpu")), reason="no bfloat16 here"),
        ),
    ],
)


def both(model: str, dtype: str, **options: Any) -> list[InstructSamSegmenter]:
    """A plain and an optimized segmenter."""
    return [
        load(model, "cpu", dtype=dtype, cpu_optimizations=optimized, **options) for optimized in (False, True)
    ]


def kinds(model: torch.nn.Module) -> set[type]:
    return {type(module) for module in model.modules() if isinstance(module, OURS)}


def attentions(model: torch.nn.Module) -> set[str]:
    configs = [getattr(module, "config", None) for module in model.modules()]
    return {config._attn_implementation for config in configs if hasattr(config, "_attn_implementation")}


@torch.inference_mode()
def outputs(segmenter: InstructSamSegmenter, rgb: np.ndarray, text: str) -> dict[str, torch.Tensor]:
    """Logits and boxes of what an instruction names itself."""
    model, image = segmenter.model, segmenter.encode(rgb)
    ids = [*image.prefix.ids, *segmenter.prompts.instruction_ids(text)]
    guess = segmenter.prompts.phrase_generation(text)
    answer = model.generate(
        image.features,
        ids,
        prefix=image.prefix,
        choose=lambda step, _: guess[step],
    )
    assert answer.ids == tuple(guess)
    found = model.segment_phrases(image.features, *model.generated_phrases(answer))
    return {
        "queries": answer.queries.float(),
        "masks": found.mask_logits.float(),
        "scores": found.score_logits.float(),
        "boxes": found.boxes.float(),
    }


def check_close(plain: dict[str, torch.Tensor], optimized: dict[str, torch.Tensor], tolerance: float) -> None:
    for name, expected in plain.items():
        spread = float(expected.max() - expected.min())
        assert spread > 0
        torch.testing.assert_close(optimized[name], expected, atol=tolerance * spread, rtol=0, msg=name)


@precisions
def test_tiny_model_agrees(tiny_folder: Path, dtype: str) -> None:
    plain, optimized = both(str(tiny_folder), dtype)
    assert kinds(plain.model) == set()
    assert kinds(optimized.model) >= {RotaryAttention, PackedConv2d}
    assert attentions(plain.model) == {"sdpa"}
    assert attentions(optimized.model) == {"sdpa", bfloat16_attention.NAME}
    rgb = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    found = [outputs(segmenter, rgb, "red mug") for segmenter in (plain, optimized)]
    check_close(*found, tolerance=TOLERANCES[dtype])


@precisions
def test_compact_model_agrees(dtype: str) -> None:
    plain, optimized = both("compact", dtype)
    assert kinds(plain.model) == set()
    assert kinds(optimized.model) >= {PackedConv2d}
    for path in view_paths(DATA / "scenes"):
        rgb = load_view(path, depth=False).rgb
        results = [
            segmenter.segment_image(rgb, "everything on the table") for segmenter in (plain, optimized)
        ]
        assert results[0].answer == results[1].answer
        assert len(results[0].instances) == len(results[1].instances) > 0
        for left, right in zip(results[0].instances, results[1].instances, strict=True):
            assert right.score == pytest.approx(left.score, abs=1e-4 if dtype == "float32" else 0.05)
            assert (left.mask != right.mask).mean() < (1e-4 if dtype == "float32" else 1e-3)


def test_weights_keep_their_names_in_parts_that_are_not_packed(fresh_tiny_model: InstructSam) -> None:
    before = {name: tensor.shape for name, tensor in fresh_tiny_model.language.state_dict().items()}
    optimize_for_cpu(fresh_tiny_model)  # linear layers in float32 are not packed
    assert {name: tensor.shape for name, tensor in fresh_tiny_model.language.state_dict().items()} == before


def test_one_model_is_optimized_alone(tiny_model: InstructSam, fresh_tiny_model: InstructSam) -> None:
    use_bfloat16_attention(fresh_tiny_model.detector)
    assert attentions(fresh_tiny_model.detector) == {bfloat16_attention.NAME}
    assert attentions(tiny_model.detector) == {"sdpa"}
