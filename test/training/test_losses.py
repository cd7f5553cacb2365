"""Every loss term and its gradients equal those of the released training code on a tiny model."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.models.instructsam.behaviour import PAPER, RELEASED
from instructsam_ros.models.instructsam.checkpoint import module_name
from instructsam_ros.models.instructsam.config import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs
from instructsam_ros.training.losses import (
    LossSettings,
    Losses,
    SampleTruth,
    instructsam_losses,
    training_labels,
)
from instructsam_ros.training.matching import MatchWeights, match, matching_cost

torch.set_num_threads(1)


def split_phrases(ids: list[int], start: int) -> list[list[int]]:
    """``start a b start c`` -> [[a, b], [c]]."""
    phrases: list[list[int]] = []
    for token in ids:
        if token == start:
            phrases.append([])
        else:
            phrases[-1].append(token)
    return phrases


def run_golden(path: Path, golden: dict[str, Any], model: InstructSam) -> tuple[Losses, dict[str, torch.Tensor], Any]:
    arrays = {name: torch.from_numpy(array) for name, array in np.load(path).items()}
    ids, tokens = arrays["input_ids"], model.config.tokens
    grids = arrays["image_grid_thw"]
    patches = arrays["pixel_values"].split(grids.prod(1).tolist())
    pixels = arrays["sam_pixel_values"].split(1)
    images = [TwoTowerInputs(p, g[None], s) for p, g, s in zip(patches, grids, pixels, strict=True)]
    torch.manual_seed(golden["seed"])
    output = model.forward_training(
        ids,
        ids != model.config.language["pad_token_id"],
        arrays["position_ids"],
        [model.encode_image(image) for image in images],
        [split_phrases(phrases, tokens.ref_start) for phrases in golden["phrase_ids"]],
    )
    labels = training_labels(arrays["labels"], ids == tokens.seg)
    torch.testing.assert_close(labels, arrays["labels_after"])
    truths = [
        SampleTruth(arrays[f"masks_{i}"][:, 0], indices, kind == 1, counts)
        for i, (indices, kind, counts) in enumerate(
            zip(golden["mask_ids"], golden["mask_type"], golden["masks_valid"], strict=True)
        )
    ]
    settings = LossSettings(sample_points=golden["loss_sample_points"])
    return instructsam_losses(output.logits, labels, output.detections, truths, settings, RELEASED), arrays, output


def test_training_equals_the_released_code(
    training_golden: Path, golden_dir: Path, fresh_tiny_model: InstructSam
) -> None:
    golden = json.loads((golden_dir / "train_goldens.json").read_text())[training_golden.stem]
    model = fresh_tiny_model.train()
    model.image_encoder.pixel_tower.requires_grad_(False)  # frozen in the released training
    losses, arrays, output = run_golden(training_golden, golden, model)
    losses.total.backward()

    torch.testing.assert_close(output.logits[:, -20:], arrays["logits"], atol=1e-5, rtol=0)
    chunk = itertools.count()
    for detection in output.detections:
        for masks, scores in zip(detection.mask_logits.split(5), detection.score_logits.split(5), strict=True):
            index = next(chunk)
            torch.testing.assert_close(masks, arrays[f"pred_masks_{index}"], atol=1e-4, rtol=0)
            torch.testing.assert_close(scores, arrays[f"pred_logits_{index}"], atol=1e-5, rtol=0)
    assert f"pred_masks_{next(chunk)}" not in arrays

    expected = golden["losses"]
    found = {
        "loss": losses.total,
        "ce_loss": losses.language,
        "mask_bce_loss": losses.mask_bce,
        "mask_dice_loss": losses.mask_dice,
        "mask_loss": losses.mask_bce + losses.mask_dice,
        "cls_loss": losses.score,
    }
    for name, value in found.items():
        assert value.item() == pytest.approx(expected[name], abs=1e-5, rel=1e-6), name
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert len(gradients) == golden["n_params_with_grad"]
    for name, norm in golden["grad_norms"].items():
        assert gradients[module_name(name)].norm().item() == pytest.approx(norm, rel=1e-5), name
