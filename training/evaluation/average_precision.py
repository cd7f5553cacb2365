"""Average precision of instance masks, pooled over instructions.

With all-point interpolation: the precision at every recall that is reached is the best one at that recall or
beyond, and the area under these steps counts. COCO's evaluation samples the same steps at 101 recalls, and
comes out slightly different: ``sampled_average_precision``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))


def match(iou: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Which predictions of one instruction are true positives, bool [n].

    iou: [n, m] of predictions, best score first, against truths. Each prediction in turn takes the
    best truth that is left, if their IoU reaches the threshold.
    """
    hits = np.zeros(len(iou), bool)
    free = np.ones(iou.shape[1], bool)
    for row, overlaps in enumerate(iou):
        candidates = np.where(free, overlaps, -1.0)
        if free.any() and candidates.max() >= threshold:
            free[candidates.argmax()] = False
            hits[row] = True
    return hits


def average_precision(scores: NDArray[np.floating], hits: NDArray[np.bool_], truths: int) -> float:
    """Area under the precision-recall curve with all-point interpolation.

    scores: [n] of all predictions, in any order; equal ones keep their order. hits: bool [n].
    truths: number of instances to be found, at least 1.
    """
    once = np.ones((1, len(scores)), np.int64)
    return float(average_precisions(scores, hits, once, np.array([truths]))[0])


def sampled_average_precision(scores: NDArray[np.floating], hits: NDArray[np.bool_], truths: int) -> float:
    """AP as in COCO's evaluation (pycocotools, COCOeval): mean precision at the recalls 0, 0.01, ..., 1.

    Arguments as in ``average_precision``.
    """
    found = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = found / np.arange(1, len(found) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)  # 0 where no recall reaches
    return float(envelope[np.searchsorted(found / truths, np.linspace(0, 1, 101))].mean())


def average_precisions(
    scores: NDArray[np.floating],
    hits: NDArray[np.bool_],
    weights: NDArray[np.int64],
    truths: NDArray[np.integer] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """``average_precision`` of r samples, [r]; not a number for those without truths.

    weights: [r, n], how often each prediction is in each sample. truths: [r].
    """
    order = np.argsort(-scores, kind="stable")
    present = weights[:, order]
    found = present * hits[order]
    true_positives, predicted = np.cumsum(found, 1), np.cumsum(present, 1)
    precision = true_positives / np.maximum(predicted, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]  # best at this recall or beyond
    areas: NDArray[np.float64] = np.full(len(weights), np.nan)
    np.divide((envelope * found).sum(1), truths, out=areas, where=truths > 0)
    return areas


def pooled_average_precision(
    cases: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]],
    thresholds: Sequence[float] = IOU_THRESHOLDS,
) -> NDArray[np.float64] | None:
    """AP at each IoU threshold, [thresholds], or None when there is no truth at all.

    cases: per instruction the scores [n], descending, and the IoU matrix [n, m]. Predictions of
    all instructions are sorted together; they can only match truths of their own instruction.
    """
    cases = list(cases)
    truths = sum(iou.shape[1] for _, iou in cases)
    if truths == 0:
        return None
    scores = np.concatenate([case_scores for case_scores, _ in cases])
    return np.array(
        [
            average_precision(scores, np.concatenate([match(iou, t) for _, iou in cases]), truths)
            for t in thresholds
        ]
    )
