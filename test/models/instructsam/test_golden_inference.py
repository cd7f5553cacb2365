"""Answers, hidden states and masks equal those of the released code on a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from instructsam_ros.models.instructsam.generation import Choose
from instructsam_ros.models.instructsam.language import BLOCK_EXTRA
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import embedded_ids
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs
from test.hooks import inputs_of

MASK_TOLERANCE = 2e-4  # as much as sdpa and eager attention differ in the released code
LOGIT_TOLERANCE = 2e-5  # float32 rounding; two exact restatements differ by up to 1.5e-5
TOLERANCE = 1e-5


def planned(plan: list[int | None], vocabulary: int, end: int, seen: list[Tensor]) -> Choose:
    """Forces the tokens of a plan, greedy among ordinary tokens where it says None."""

    def choose(step: int, logits: Tensor) -> int:
        seen[step:] = [logits]
        token = plan[step] if step < len(plan) else end
        return int(logits[:vocabulary].argmax()) if token is None else token

    return choose


def assert_same_calls(calls: list[tuple[Any, ...]], arrays: dict[str, Tensor], block: int) -> None:
    """Positions and masks of the language model's calls, in order, are those of the released code."""
    positions, masks = [call[1] for call in calls], [call[2] for call in calls]
    blocks = [position for position in positions if position.shape[-1] == block]
    expected = {"prefill_position_ids": positions[0]}
    expected |= {f"block{k}_pos": position for k, position in enumerate(blocks)}
    for name, found in expected.items():
        assert torch.equal(found, arrays[name].expand(3, *arrays[name].shape)), name
    stored = {name for name in arrays if name.endswith("_pos") or name == "prefill_position_ids"}
    assert stored == set(expected)
    for name in arrays:
        if name.startswith("block_mask_call"):
            assert torch.equal(masks[int(name.removeprefix("block_mask_call"))], arrays[name]), name


@pytest.mark.parametrize("previous_answer", [False, True], ids=["step by step", "in one pass"])
def test_inference_equals_the_released_code(
    inference_golden: Path, manifest: dict[str, Any], tiny_model: InstructSam, previous_answer: bool
) -> None:
    arrays = {name: torch.from_numpy(array) for name, array in np.load(inference_golden).items()}
    case = manifest["cases"][inference_golden.stem.removeprefix("case_")]
    generated = arrays["generated_ids"][0].tolist()
    seen: list[Tensor] = []
    with torch.inference_mode(), inputs_of(tiny_model.language) as calls:
        features = tiny_model.encode_image(
            TwoTowerInputs(arrays["pixel_values"], arrays["image_grid_thw"], arrays["sam_pixel_values"])
        )
        answer = tiny_model.generate(
            features,
            arrays["input_ids"][0].tolist(),
            previous_ids=generated if previous_answer else (),
            choose=planned(case["plan"], 490, manifest["ids"]["im_end"], seen),
        )
        phrases, queries = tiny_model.generated_phrases(answer)

        assert list(answer.ids) == generated
        assert answer.confirmed == (len(generated) if previous_answer else 0)
        torch.testing.assert_close(torch.stack(seen), arrays["step_logits"], atol=LOGIT_TOLERANCE, rtol=1e-6)
        if not previous_answer:
            assert_same_calls(calls, arrays, tiny_model.config.num_queries + BLOCK_EXTRA)
        if "seg_hidden_states" in arrays:
            torch.testing.assert_close(answer.queries, arrays["seg_hidden_states"], atol=TOLERANCE, rtol=0)
        if "pred_masks" not in arrays:
            # The released code has no phrase to segment, or gives up over a block without a phrase.
            assert not phrases or len(phrases) < len(answer.blocks)
            return
        output = tiny_model.segment_phrases(features, phrases, queries)
        markers = tiny_model.config.mode.phrase_markers
        embeds, mask = tiny_model.embed_phrases([embedded_ids(phrase, markers) for phrase in phrases])
        projected = tiny_model.mask_hidden_fcs(queries)
    # The released code pads phrases to 32 tokens.
    padded = torch.zeros_like(arrays["phrase_embeds"][..., 0], dtype=torch.bool)
    padded[:, : mask.shape[1]] = mask
    torch.testing.assert_close(embeds[mask], arrays["phrase_embeds"][padded], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(projected, arrays["proj_queries"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(output.mask_logits, arrays["pred_masks"], atol=MASK_TOLERANCE, rtol=0)
    torch.testing.assert_close(output.score_logits, arrays["pred_logits_raw"], atol=TOLERANCE, rtol=0)
    scores = output.score_logits.sigmoid()
    torch.testing.assert_close(scores, arrays["pred_scores"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(output.boxes, arrays["pred_boxes_xyxy"], atol=TOLERANCE, rtol=0)
