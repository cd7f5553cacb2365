"""Every loss term and its gradients equal those of the released training code on a tiny model."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import DivergedError
from instructsam_ros.models.instructsam.checkpoint import module_name
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED, InferenceMode
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs
from instructsam_ros.training.objectives.instructsam.losses import (
    Losses,
    LossSettings,
    SampleTruth,
    instructsam_losses,
    training_labels,
)
from instructsam_ros.training.objectives.instructsam.matching import MatchWeights, match, matching_cost
from test.hooks import inputs_of

torch.set_num_threads(1)


def run_golden(
    path: Path, golden: dict[str, Any], model: InstructSam
) -> tuple[Losses, dict[str, torch.Tensor], Any]:
    arrays = {name: torch.from_numpy(array) for name, array in np.load(path).items()}
    ids, tokens = arrays["input_ids"], model.config.tokens
    grids = arrays["image_grid_thw"]
    patches = arrays["pixel_values"].split(grids.prod(1).tolist())
    pixels = arrays["sam_pixel_values"]
    images = [
        model.encode_image(TwoTowerInputs(p, g[None], s))
        for p, g, s in zip(patches, grids, pixels.split(1), strict=True)
    ]
    # The released code makes the pyramids of a batch together, which rounds a little differently.
    fpn, _ = model.image_encoder.pyramid(pixels)
    images = [
        dataclasses.replace(image, fpn=tuple(level[i : i + 1] for level in fpn))
        for i, image in enumerate(images)
    ]
    torch.manual_seed(golden["seed"])
    output = model.forward_training(
        ids,
        ids != model.config.language["pad_token_id"],
        arrays["position_ids"],
        images,
        golden["phrase_ids"],
    )
    labels = training_labels(arrays["labels"], ids == tokens.seg)
    torch.testing.assert_close(labels, arrays["labels_after"])
    truths = [
        # A sample without phrases may come without masks.
        SampleTruth(arrays.get(f"masks_{i}", torch.zeros(0, 1, 1, 1))[:, 0], indices, kind == 1, counts)
        for i, (indices, kind, counts) in enumerate(
            zip(golden["mask_ids"], golden["mask_type"], golden["masks_valid"], strict=True)
        )
    ]
    settings = LossSettings(sample_points=golden["loss_sample_points"])
    return (
        instructsam_losses(output.logits, labels, output.detections, truths, settings, RELEASED),
        arrays,
        output,
    )


def test_training_golden_equals_the_released_code(
    training_golden: Path, golden_file: Callable[[str], Path], fresh_tiny_model: InstructSam
) -> None:
    golden = json.loads(golden_file("train_goldens.json").read_text())[training_golden.stem]
    model = fresh_tiny_model.train()
    model.image_encoder.pixel_tower.requires_grad_(False)  # frozen in the released training
    with inputs_of(model.detector) as calls:
        losses, arrays, output = run_golden(training_golden, golden, model)
    losses.total.backward()

    torch.testing.assert_close(output.logits[:, -20:], arrays["logits"], atol=2e-5, rtol=1e-6)
    chunk = itertools.count()
    for detection in filter(None, output.detections):
        for masks, scores in zip(
            detection.mask_logits.split(5), detection.score_logits.split(5), strict=True
        ):
            index = next(chunk)
            torch.testing.assert_close(masks, arrays[f"pred_masks_{index}"], atol=2e-4, rtol=0)
            torch.testing.assert_close(scores, arrays[f"pred_logits_{index}"], atol=1e-5, rtol=0)
    assert f"pred_masks_{next(chunk)}" not in arrays
    chunk = itertools.count()
    for _, *inputs in calls:
        for embeds, mask, queries in zip(*(tensor.split(5) for tensor in inputs), strict=True):
            index = next(chunk)
            padded = arrays[f"phrase_mask_{index}"]  # to 32 tokens
            assert torch.equal(mask.sum(1), padded.sum(1))
            expected = arrays[f"phrase_embeds_{index}"][padded]
            torch.testing.assert_close(embeds[mask], expected, atol=1e-5, rtol=0)
            torch.testing.assert_close(queries, arrays[f"proj_queries_{index}"], atol=1e-5, rtol=0)
    assert f"proj_queries_{next(chunk)}" not in arrays

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


def perfect(truth: torch.Tensor, queries: int, slots: list[int]) -> DetectorOutput:
    """Masks that are right in ``slots`` and empty elsewhere, with undecided scores."""
    masks = torch.full((1, queries, *truth.shape[1:]), -20.0)
    masks[0, slots] = truth * 40 - 20
    return DetectorOutput(masks, torch.zeros(1, queries), torch.zeros(1, queries, 4), ())


@pytest.fixture
def two_squares() -> torch.Tensor:
    masks = torch.zeros(2, 16, 16)
    masks[0, 2:6, 2:6] = 1
    masks[1, 8:14, 8:14] = 1
    return masks


def losses_of(
    detections: list[DetectorOutput | None], truths: list[SampleTruth], mode: InferenceMode = PAPER
) -> Losses:
    logits, labels = torch.zeros(len(truths), 3, 5), torch.ones(len(truths), 3, dtype=torch.int64)
    return instructsam_losses(logits, labels, detections, truths, LossSettings(sample_points=False), mode)


def test_right_masks_cost_nothing_wherever_they_are(two_squares: torch.Tensor) -> None:
    losses = losses_of([perfect(two_squares, 5, [3, 1])], [SampleTruth(two_squares, [[0, 1]])])
    assert losses.mask_bce.item() == pytest.approx(0, abs=1e-6)
    assert losses.mask_dice.item() == pytest.approx(0, abs=1e-6)
    assert losses.language.item() == pytest.approx(np.log(5))


def test_score_of_an_unmatched_query_is_taught_to_be_low(two_squares: torch.Tensor) -> None:
    detection = perfect(two_squares, 3, [0, 1])
    detection.score_logits.requires_grad_()
    losses_of([detection], [SampleTruth(two_squares, [[0, 1]])]).score.backward()
    assert detection.score_logits.grad is not None
    assert (detection.score_logits.grad.sign() == torch.tensor([[-1, -1, 1]])).all()


def test_phrase_without_instance_is_matched_to_an_empty_mask_where_its_sample_counts(
    two_squares: torch.Tensor,
) -> None:
    both = DetectorOutput(torch.full((2, 3, 16, 16), -20.0), torch.zeros(2, 3), torch.zeros(2, 3, 4), ())
    empty = torch.cat([two_squares, torch.zeros(1, 16, 16)])
    with_null = losses_of([both], [SampleTruth(empty, [[0], [2]])])
    assert with_null.score.item() == pytest.approx(np.log(2))
    as_empty_list = losses_of([both], [SampleTruth(two_squares, [[0], []])])
    assert as_empty_list == with_null, "an empty list is another way to say it"
    no_masks = losses_of([both], [SampleTruth(torch.zeros(0, 16, 16), [[], []])])
    assert no_masks.mask_bce.item() == 0
    only_null = SampleTruth(torch.zeros(1, 16, 16), [[0], [0]], counts=False)
    assert losses_of([both], [only_null]).score.item() == 0


@pytest.mark.parametrize("masks", [0, 1])
def test_the_last_sample_makes_one_without_any_target_count(two_squares: torch.Tensor, masks: int) -> None:
    """As released; its phrases are matched to an empty mask, and the matched query to the lowest target."""
    claims = DetectorOutput(torch.full((1, 3, 16, 16), 5.0), torch.zeros(1, 3), torch.zeros(1, 3, 4), ())
    nothing = SampleTruth(torch.zeros(masks, 16, 16), [[0] if masks else []], counts=False)
    right, last = perfect(two_squares, 3, [0, 1]), SampleTruth(two_squares, [[0, 1]])
    alone = losses_of([right], [last], RELEASED)
    together = losses_of([claims, right], [nothing, last], RELEASED)
    assert together.mask_bce > alone.mask_bce + 1
    assert together.mask_dice > alone.mask_dice + 0.05
    assert losses_of([claims, right], [nothing, last], PAPER).mask_bce == losses_of([right], [last]).mask_bce


def test_released_mask_losses_carry_their_weights_twice(two_squares: torch.Tensor) -> None:
    wrong = perfect(two_squares.flip(1), 5, [3, 1])
    released, paper = (
        losses_of([wrong], [SampleTruth(two_squares, [[0, 1]])], mode) for mode in (RELEASED, PAPER)
    )
    settings = LossSettings()
    assert released.mask_bce.item() == pytest.approx(settings.bce * paper.mask_bce.item())
    assert released.mask_dice.item() == pytest.approx(settings.dice * paper.mask_dice.item())
    assert paper.mask_dice.item() > 0.1


@pytest.mark.parametrize(("mode", "counts"), [(RELEASED, False), (PAPER, True)])
def test_whether_the_last_sample_decides_for_all(
    two_squares: torch.Tensor, mode: InferenceMode, counts: bool
) -> None:
    detections: list[DetectorOutput | None] = [perfect(two_squares, 3, [0, 1])] * 2
    truths = [SampleTruth(two_squares, [[0, 1]]), SampleTruth(two_squares, [[0, 1]], counts=False)]
    assert (losses_of(detections, truths, mode).score.item() > 0) is counts


@pytest.mark.parametrize("mode", [RELEASED, PAPER])
def test_box_supervision(two_squares: torch.Tensor, mode: InferenceMode) -> None:
    """A mask that fills its box is right; with rows projected, so is one that only spans it."""
    truth = SampleTruth(two_squares[1:], [[0]], boxes_only=True)
    spanning = two_squares[1].clone()
    spanning[9:13, 9:13] = 0
    exact, ring = (
        losses_of([DetectorOutput(m[None, None], torch.zeros(1, 1), torch.zeros(1, 1, 4), ())], [truth], mode)
        for m in (two_squares[1], spanning)
    )
    assert exact.mask_bce.item() == 0
    assert exact.mask_dice.item() == pytest.approx(0, abs=1e-5)
    assert (ring.mask_dice.item() > 1e-3) is mode.box_rows_from_channels


def test_labels_leave_out_what_is_never_generated() -> None:
    labels = torch.arange(8)[None]
    query = torch.tensor([[0, 0, 0, 1, 1, 0, 0, 0]], dtype=torch.bool)
    assert training_labels(labels, query).tolist() == [[0, 1, 2, -100, -100, -100, 6, 7]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_matching_is_the_cheapest_assignment(seed: int, queries: int, instances: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.randn(queries, 4, 4, generator=generator)
    scores = torch.randn(queries, generator=generator)
    truth = (torch.rand(instances, 4, 4, generator=generator) > 0.5).float()
    rows, columns = match(masks, scores, truth, MatchWeights())
    cost = matching_cost(masks, scores, truth, MatchWeights())
    few, many = sorted((queries, instances))
    table = cost if queries <= instances else cost.T
    best = min(
        sum(table[i, j].item() for i, j in enumerate(order))
        for order in itertools.permutations(range(many), few)
    )
    assert cost[rows, columns].sum().item() == pytest.approx(best, abs=1e-4)


def test_predictions_that_are_no_numbers_are_named() -> None:
    masks, scores, truth = torch.full((2, 4, 4), torch.nan), torch.zeros(2), torch.zeros(1, 4, 4)
    with pytest.raises(DivergedError, match="are not finite"):
        match(masks, scores, truth, MatchWeights())


def test_cost_equals_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, score = torch.randn(1, 5, 5, generator=generator), torch.randn(1, generator=generator)
    truth = (torch.rand(1, 5, 5, generator=generator) > 0.5).float()
    p = logits.sigmoid()
    dice = 1 - (2 * (p * truth).sum() + 1e-3) / (p.sum() + truth.sum() + 1e-3)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    expected = 0.5 * dice + 2.0 * bce - torch.nn.functional.logsigmoid(score)
    torch.testing.assert_close(matching_cost(logits, score, truth, MatchWeights())[0], expected)
