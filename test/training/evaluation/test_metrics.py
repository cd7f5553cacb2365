import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.evaluation.average_precision import sampled_average_precision
from instructsam_ros.training.evaluation.metrics import Prediction, pairwise_iou, score_case, summarise

H, W = 10, 20


def boxes(*spans):
    """One mask [H, W] per (x0, x1): columns x0..x1 of all rows."""
    masks = np.zeros((len(spans), H, W), bool)
    for mask, (x0, x1) in zip(masks, spans, strict=True):
        mask[:, x0:x1] = True
    return masks


def case(*spans, **labels):
    return boxes(*spans), labels


def guess(*spans, scores=None):
    return Prediction(boxes(*spans), np.array(scores if scores else [0.9] * len(spans), float))


def evaluate(*pairs):
    return summarise([score_case(masks, p, labels) for (masks, labels), p in pairs])


def test_perfect_answers_score_one_everywhere():
    metrics = evaluate((case((0, 5), (10, 15)), guess((10, 15), (0, 5))), (case(), guess()))
    assert metrics.headline() == {
        "instructions": 2, "giou": 1, "ciou": 1, "p50": 1, "mean_ap": 1, "ap50": 1, "ap75": 1, "precision": 1,
        "recall": 1, "no_target_accuracy": 1, "target_accuracy": 1, "count_accuracy": 1, "duplicate_rate": 0,
    }  # fmt: skip


def test_hand_computed_mixture():
    metrics = evaluate(
        (case((0, 10)), guess((0, 6))),  # IoU 0.6
        (case((0, 4), (10, 14)), guess((0, 4))),  # united IoU 0.5, one of two found
        (case(), guess((0, 2))),  # IoU 0
        (case(), guess()),  # IoU 1
        (case((0, 2)), guess()),  # IoU 0
    )
    assert metrics.giou == pytest.approx((0.6 + 0.5 + 0 + 1 + 0) / 5)
    assert metrics.ciou == pytest.approx((6 + 4) / (10 + 8 + 2 + 2))
    assert metrics.p50 == pytest.approx(3 / 5)  # 0.6, 0.5 itself and the right refusal
    assert metrics.precision == pytest.approx(2 / 3)
    assert metrics.recall == pytest.approx(2 / 4)
    assert metrics.no_target_accuracy == 0.5
    assert metrics.target_accuracy == pytest.approx(2 / 3)
    assert metrics.count_accuracy == pytest.approx(2 / 5)
    assert metrics.duplicate_rate == 0


def test_average_precision_pools_instructions_and_never_matches_across_them():
    metrics = evaluate(
        (case((0, 5)), guess((10, 15), scores=[0.9])), (case((10, 15)), guess((10, 15), scores=[0.5]))
    )
    assert metrics.ap50 == pytest.approx(0.5 * 0.5)  # the miss comes first: precision 1/2 at recall 1/2


def test_a_truth_is_matched_once_and_the_second_mask_is_a_duplicate():
    metrics = evaluate((case((0, 10)), guess((0, 10), (0, 9), scores=[0.8, 0.9])))
    assert (metrics.precision, metrics.recall, metrics.duplicate_rate) == (0.5, 1, 0.5)
    # the 0.9-IoU mask scores higher, takes the truth up to 0.90 and leaves it beyond
    assert metrics.mean_ap == pytest.approx((9 * 1 + 0.5) / 10)


def test_duplicates_also_count_where_nothing_is_true():
    assert evaluate((case(), guess((0, 10), (0, 9), (15, 20)))).duplicate_rate == pytest.approx(1 / 3)


def test_undefined_figures_are_none_and_not_logged():
    metrics = evaluate((case(), guess()))
    assert metrics.ap50 is None
    assert metrics.target_accuracy is None
    assert "recall" not in metrics.headline()
    json.dumps(metrics.as_dict(), allow_nan=False)


def test_breakdown_by_label_and_number_of_targets():
    metrics = evaluate(
        (case((0, 5), level="simple"), guess((0, 5))),
        (case((0, 5), (6, 9), level="complex"), guess()),
        (case(level="complex"), guess()),
    )
    assert metrics.as_dict()["by_label"]["level"]["simple"]["giou"] == 1
    assert metrics.by_label["level"]["complex"].giou == 0.5
    with_target = metrics.by_label["level, with target"]
    assert {k: (m.instructions, m.giou) for k, m in with_target.items()} == {
        "simple": (1, 1),
        "complex": (1, 0),
    }
    assert {k: m.instructions for k, m in metrics.by_label["targets"].items()} == {"0": 1, "1": 1, "2+": 1}


def test_interval_is_seeded_contains_the_mean_and_resamples_images():
    rng = np.random.default_rng(0)
    ends = rng.integers(1, W, 60)
    guesses = [guess((0, end)) for end in ends]
    truth = boxes((0, W))
    scores = [score_case(truth, found, image=str(i // 10)) for i, found in enumerate(guesses)]
    first, second = (summarise(scores, seed=4) for _ in range(2))
    assert first.intervals == second.intervals
    assert first.intervals["giou"][0] < first.giou < first.intervals["giou"][1]
    assert first.intervals["ap50"][0] < first.ap50 < first.intervals["ap50"][1]
    assert "no_target_accuracy" not in first.intervals
    one_image = summarise([score_case(truth, found, image="a") for found in guesses])
    assert one_image.intervals["giou"] == pytest.approx([one_image.giou] * 2)


def ignoring(span, truth, prediction):
    score = score_case(boxes(*truth), prediction, ignore=boxes(span))
    return score, summarise([score])


def test_ignored_pixels_count_neither_way():
    # truth 0..10 and answer 4..14 without 8..12: 0..8 against 4..8 and 12..14
    score, metrics = ignoring((8, 12), [(0, 10)], guess((4, 14)))
    assert (score.intersection, score.union) == (4 * H, 10 * H)
    assert score.iou.tolist() == [[0.4]]
    assert (metrics.giou, metrics.ciou, metrics.p50) == (0.4, 0.4, 0)


def test_an_answer_on_ignored_pixels_alone_is_no_answer():
    score, metrics = ignoring((8, 12), [], guess((8, 12), (9, 11), scores=[0.4, 0.9]))
    assert score.scores.shape == (0,)
    assert (metrics.giou, metrics.no_target_accuracy, metrics.count_accuracy) == (1, 1, 1)
    score, metrics = ignoring((8, 12), [(0, 4)], guess((9, 11), (0, 4), scores=[0.9, 0.6]))
    assert score.scores.tolist() == [0.6]
    assert (metrics.precision, metrics.recall, metrics.duplicate_rate) == (1, 1, 0)


def test_a_target_on_ignored_pixels_alone_is_no_target():
    _, metrics = ignoring((0, 4), [(1, 3), (10, 12)], guess((10, 12)))
    assert (metrics.recall, metrics.count_accuracy, metrics.giou) == (1, 1, 1)


def test_an_empty_mask_counts_as_an_answer_with_and_without_ignored_pixels():
    empty = Prediction(np.zeros((1, H, W), bool), np.ones(1))
    assert ignoring((0, 4), [], empty)[1].no_target_accuracy == 0
    assert summarise([score_case(boxes(), empty)]).no_target_accuracy == 0


@given(st.integers(0, 2**32 - 1))
def test_what_is_ignored_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    truth, found, ignore = random_masks(rng, 2), random_masks(rng, 3), random_masks(rng, 1)
    other = found ^ (ignore & (rng.random(found.shape) > 0.5))
    assume((found & ~ignore).any((1, 2)).all())
    first, second = (
        score_case(truth, Prediction(masks, np.arange(3.0)), ignore=ignore) for masks in (found, other)
    )
    assert np.array_equal(first.iou, second.iou)
    assert (first.intersection, first.union) == (second.intersection, second.union)


@pytest.mark.parametrize(
    ("ignore", "message"),
    [
        (np.zeros((1, H, W + 1), bool), "ignore masks are bool"),
        (np.zeros((1, H, W), np.uint8), "ignore masks are uint8"),
        (np.ones((2, H, W), bool), "one ignore mask, got 2"),
    ],
)
def test_unfit_ignore_masks_are_refused(ignore, message):
    with pytest.raises(InvalidInputError, match=message):
        score_case(boxes((0, 5)), guess((0, 5)), ignore=ignore)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (Prediction(np.zeros((1, H, W + 1), bool), np.ones(1)), "predicted masks"),
        (Prediction(np.zeros((1, H, W), np.uint8), np.ones(1)), "uint8"),
        (Prediction(np.zeros((1, H, W), bool), np.ones(2)), "1 finite scores"),
        (Prediction(np.zeros((1, H, W), bool), np.array([np.nan])), "finite"),
    ],
)
def test_unfit_predictions_are_refused(prediction, message):
    with pytest.raises(InvalidInputError, match=message):
        score_case(boxes((0, 5)), prediction)


def test_empty_sets_are_refused():
    with pytest.raises(InvalidInputError, match="no instructions"):
        summarise([])


def random_masks(rng, count):
    masks = np.zeros((count, H, W), bool)
    for mask in masks:
        x, y = rng.integers(0, 12), rng.integers(0, 5)
        mask[y : y + rng.integers(2, 6), x : x + rng.integers(2, 9)] = True
    return masks


@given(st.integers(0, 2**32 - 1))
def test_pairwise_iou_agrees_with_pycocotools(seed):
    masks = random_masks(np.random.default_rng(seed), 5)
    rles = mask_api.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    assert np.allclose(pairwise_iou(masks), mask_api.iou(rles, rles, [0] * 5))


@pytest.mark.parametrize("seed", range(5))
def test_pooled_ap_agrees_with_cocoeval_at_every_recall(seed):
    """COCOeval samples precision at given recalls; at k / truths for all k that is all-point AP."""
    rng = np.random.default_rng(seed)
    cases, truths, detections = [], [], []
    for image in range(1, 31):
        truth = random_masks(rng, rng.integers(0, 4))
        shifted = np.roll(truth, rng.integers(-1, 2), axis=2)
        found = np.concatenate([shifted, random_masks(rng, rng.integers(0, 3))])
        scores = rng.random(len(found))
        cases.append(score_case(truth, Prediction(found, scores)))
        for mask in truth:
            truths.append(annotation(mask, image, len(truths) + 1))
        for mask, score in zip(found, scores, strict=True):
            detections.append({**annotation(mask, image, len(detections) + 1), "score": float(score)})
    oracle = coco_evaluation(truths, detections, np.arange(1, len(truths) + 1) / len(truths))
    precision = oracle.eval["precision"][:, :, 0, 0, 0]
    metrics = summarise(cases)
    assert metrics.mean_ap == pytest.approx(precision.mean(), abs=1e-9)
    assert metrics.ap50 == pytest.approx(precision[0].mean(), abs=1e-9)
    assert metrics.ap75 == pytest.approx(precision[5].mean(), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_sampled_ap_agrees_with_cocoeval(seed):
    rng = np.random.default_rng(seed)
    truths, detections, scores, hits = [], [], [], []
    for image in range(1, 31):
        (truth,) = random_masks(rng, 1)
        found = np.roll(truth, rng.integers(0, 3), axis=1)
        scores.append(rng.random())
        hits.append((truth & found).sum() / (truth | found).sum() >= 0.5)
        truths.append(annotation(truth, image, image))
        detections.append({**annotation(found, image, image), "score": scores[-1]})
    oracle = coco_evaluation(truths, detections)
    expected = oracle.eval["precision"][0, :, 0, 0, 0].mean()
    assert sampled_average_precision(np.array(scores), np.array(hits), 30) == pytest.approx(expected)


def coco_evaluation(truths, detections, recalls=None):
    """COCOeval of the images 1..30, after accumulate()."""
    coco_truth, coco_found = COCO(), COCO()
    for coco, annotations in ((coco_truth, truths), (coco_found, detections)):
        images = [{"id": i, "height": H, "width": W} for i in range(1, 31)]
        coco.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        coco.createIndex()
    oracle = COCOeval(coco_truth, coco_found, "segm")
    if recalls is not None:
        oracle.params.recThrs = recalls
    oracle.params.maxDets = [100]
    oracle.params.areaRng, oracle.params.areaRngLbl = [[0, 1e10]], ["all"]
    oracle.evaluate()
    oracle.accumulate()
    return oracle


def annotation(mask, image, number):
    rle = mask_api.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "segmentation": rle,
            "area": float(mask.sum()), "bbox": mask_api.toBbox(rle).tolist()}  # fmt: skip
