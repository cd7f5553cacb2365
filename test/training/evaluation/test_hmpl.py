import numpy as np
import pytest

from instructsam_ros.training.evaluation.hmpl import many_instances, one_to_one, released_figures
from instructsam_ros.training.evaluation.metrics import Prediction, score_case

H, W = 10, 20


def boxes(*spans):
    """One mask [H, W] per (x0, x1): columns x0..x1 of all rows."""
    masks = np.zeros((len(spans), H, W), bool)
    for mask, (x0, x1) in zip(masks, spans, strict=True):
        mask[:, x0:x1] = True
    return masks


def case(truth, found, scores=None, **labels):
    confidence = np.array(scores or [0.9] * len(found), float)
    return score_case(boxes(*truth), Prediction(boxes(*found), confidence), labels)


def test_one_to_one_by_hand():
    cases = [
        case([(0, 10)], [(0, 4), (4, 8)], [0.3, 0.8]),  # united IoU 0.8, one detection of score 0.8
        case([(0, 10)], [(5, 15)], [0.9]),  # IoU 1/3
        case([(0, 10)], []),
        case([], []),  # IoU 0, where Metrics counts 1
    ]
    figures = one_to_one(cases)
    assert figures["gIoU"] == pytest.approx((0.8 + 1 / 3) / 4)
    assert figures["cIoU"] == pytest.approx((8 + 5) / (10 + 15 + 10))
    assert figures["P@50"] == 1 / 4
    # the miss comes first, so that precision is 1/2 at recall 1/4: 26 of the 101 recalls, at 7 of 10 IoU
    assert figures["AP50"] == pytest.approx(26 / 101 / 2)
    assert figures["AP"] == pytest.approx(0.7 * 26 / 101 / 2)


def test_one_to_one_without_any_answer_or_target_is_zero():
    assert set(one_to_one([case([], [])]).values()) == {0.0}


def test_many_instances_are_averaged_by_image_record_and_records_without_cases_are_zero():
    half, third = case([(0, 5), (5, 10)], [(0, 5)]), case([(0, 10)], [(5, 15)])
    figures = many_instances([[half, third], [case([(0, 5)], [(0, 5)])], []])
    assert figures["gIoU"] == pytest.approx(((0.5 + 1 / 3) / 2 + 1 + 0) / 3)
    assert figures["P@50"] == pytest.approx((0.5 + 1 + 0) / 3)


@pytest.mark.parametrize(
    ("cardinality", "names"), [("one", {"gIoU", "cIoU", "P@50", "AP", "AP50"}), ("all", {"gIoU", "P@50"})]
)
def test_every_level_has_the_figures_of_its_cardinality(cardinality, names):
    labels = {"cardinality": cardinality}
    figures = released_figures(
        [
            case([(0, 4)], [(0, 4)], level="simple", **labels),
            case([(0, 4)], [(0, 2)], level="complex", **labels),
            case([(0, 4)], [], level="complex", **labels),
        ]
    )
    assert set(figures) == {f"{level}: {name}" for level in ("simple", "complex") for name in names}
    assert (figures["simple: gIoU"], figures["complex: gIoU"]) == (1, 0.25)
