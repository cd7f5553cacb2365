"""HMPL-Instruct figures as the SAM3-I release computes them (arXiv 2512.04585). Unlike in ``Metrics``, an
empty answer to an instruction without target has IoU 0; what the release prints as mIoU is cIoU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.training.evaluation.average_precision import IOU_THRESHOLDS, sampled_average_precision
from instructsam_ros.training.evaluation.metrics import MATCH_IOU, CaseScore


def released_figures(scores: Sequence[CaseScore]) -> dict[str, float]:
    """Figures of every level, by "level: name", in 0..1.

    scores: of a file that the reader ``hmpl`` read with ``first_text``, so that an image record has one
    instruction of a level.
    """
    levels: dict[str, list[CaseScore]] = {}
    for score in scores:
        levels.setdefault(score.labels["level"], []).append(score)
    figures: dict[str, float] = {}
    for level, members in levels.items():
        one = all(score.labels["cardinality"] == "one" for score in members)
        values = one_to_one(members) if one else many_instances([[score] for score in members])
        figures |= {f"{level}: {name}": value for name, value in values.items()}
    return figures


def one_to_one(scores: Sequence[CaseScore]) -> dict[str, float]:
    """Figures of one instance per instruction, at least one case.

    For AP the united masks are one detection with the best score among them, sampled at 101 recalls.
    """
    iou = _iou(scores)
    union = sum(score.union for score in scores)
    answered = np.array([len(score.scores) > 0 for score in scores])
    confidence = np.array([score.scores.max() for score in scores if len(score.scores)])
    ap = [sampled_average_precision(confidence, iou[answered] >= t, len(iou)) for t in IOU_THRESHOLDS]
    return {
        "gIoU": float(iou.mean()),
        "cIoU": sum(score.intersection for score in scores) / union if union else 0.0,
        "P@50": float((iou >= MATCH_IOU).mean()),
        "AP": float(np.mean(ap)),
        "AP50": ap[0],
    }


def many_instances(records: Sequence[Sequence[CaseScore]]) -> dict[str, float]:
    """Figures of several instances per instruction, at least one record.

    records: the cases of each image record, whose mean counts; a record without cases counts as 0.
    """
    iou = [_iou(scores) for scores in records]
    return {
        "gIoU": float(np.mean([values.mean() if len(values) else 0.0 for values in iou])),
        "P@50": float(np.mean([(values >= MATCH_IOU).mean() if len(values) else 0.0 for values in iou])),
    }


def _iou(scores: Sequence[CaseScore]) -> NDArray[np.float64]:
    return np.array([score.intersection / score.union if score.union else 0.0 for score in scores])
