"""Metrics of instruction segmentation on masks in memory: numpy only.

gIoU, cIoU and pooled AP follow the InstructSAM evaluation (Inst2Seg, gRefCOCO): an instruction
that has no target and gets no mask counts as IoU 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.evaluation.average_precision import (
    average_precisions,
    match,
    pooled_average_precision,
)
from instructsam_ros.training.evaluation.bootstrap import ImageResampling, interval

MATCH_IOU = 0.5  # for instance precision and recall, and for duplicates


@dataclass(frozen=True)
class Prediction:
    """The answer to one instruction. masks: bool [n, H, W]. scores: [n]."""

    masks: NDArray[np.bool_]
    scores: NDArray[np.floating]


@dataclass(frozen=True)
class CaseScore:
    """What the metrics need of one case, without its masks.

    scores: [n] descending. iou: [n, m] of predictions against truths. duplicates: predictions
    beyond the first on the same thing. intersection, union: pixels of all masks united.
    """

    scores: NDArray[np.float64]
    iou: NDArray[np.float64]
    duplicates: int
    intersection: int
    union: int
    labels: Mapping[str, str]
    image: str

    @property
    def united_iou(self) -> float:
        """IoU of the united masks; 1 when both are empty."""
        return self.intersection / self.union if self.union else 1.0


@dataclass(frozen=True)
class Metrics:
    """All in 0..1; None where nothing in the set defines it (no instruction without target, say).

    giou: mean IoU of the united masks, called mIoU with RefCOCO. ciou: summed intersection / summed union,
    called oIoU with RefCOCO. p50: P@50, share of instructions with a united IoU of 0.5 or more. mean_ap: AP
    over IoU 0.50:0.05:0.95. precision, recall: of instances at IoU 0.5. no_target_accuracy: N-acc, share of
    empty answers to instructions without target. target_accuracy: T-acc, share of answers with any mask to
    those with one (both gRefCOCO, arXiv 2306.00968). count_accuracy: as many masks as targets.
    duplicate_rate: share of the masks that repeat another one of the same answer.
    """

    instructions: int
    giou: float
    ciou: float | None
    p50: float
    mean_ap: float | None
    ap50: float | None
    ap75: float | None
    precision: float | None
    recall: float | None
    no_target_accuracy: float | None
    target_accuracy: float | None
    count_accuracy: float
    duplicate_rate: float | None
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals over images of giou, p50, ap50, accuracies, duplicate_rate, where defined."""
    by_label: Mapping[str, Mapping[str, Metrics]] = field(default_factory=dict)
    """label -> value -> metrics of the cases that carry it; these have no further breakdown."""

    def values(self) -> dict[str, float | None]:
        """Every figure by name, without intervals and breakdown."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("intervals", "by_label")]
        return {name: getattr(self, name) for name in names}

    def headline(self) -> dict[str, float]:
        """The figures that are defined, for logs."""
        return {name: float(value) for name, value in self.values().items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, breakdown included."""
        breakdown = {
            label: {value: metrics._figures() for value, metrics in groups.items()}
            for label, groups in self.by_label.items()
        }
        return {**self._figures(), "by_label": breakdown}

    def _figures(self) -> dict[str, Any]:
        return {**self.values(), "intervals": {name: list(ends) for name, ends in self.intervals.items()}}


def score_case(
    truth: NDArray[np.bool_],
    prediction: Prediction,
    labels: Mapping[str, str] | None = None,
    image: str = "",
    ignore: NDArray[np.bool_] | None = None,
) -> CaseScore:
    """Compare one prediction with the true masks, bool [m, H, W], m = 0 for no target.

    labels: what the metrics are broken down by. image: cases of one image share it, so that the confidence
    interval knows that they are not independent; "" for a case of its own. ignore: bool [1, H, W], pixels
    that are removed from both sides first, and with them masks of such pixels only. Raises InvalidInputError
    for arrays that do not fit.
    """
    found, confidence = prediction.masks, prediction.scores
    ignore = np.zeros((1, *truth.shape[1:]), bool) if ignore is None else ignore
    for name, masks in (("truth", truth), ("predicted", found), ("ignore", ignore)):
        if masks.dtype != bool or masks.ndim != 3 or masks.shape[1:] != truth.shape[1:]:
            raise InvalidInputError(
                f"{name} masks are {masks.dtype} {masks.shape}; expected bool, [n, H, W] of one size"
            )
    if confidence.shape != (len(found),) or not np.isfinite(confidence).all():
        raise InvalidInputError(f"expected {len(found)} finite scores, got {confidence}")
    if ignore.any():
        (truth, _), (found, kept) = _without(truth, ignore), _without(found, ignore)
        confidence = confidence[kept]
    order = np.argsort(-confidence, kind="stable")
    found = found[order]
    iou = pairwise_iou(np.concatenate([found, truth]))[: len(found)]
    among, against = iou[:, : len(found)], iou[:, len(found) :]
    found_any, truth_any = found.any(0), truth.any(0)
    return CaseScore(
        scores=confidence[order].astype(np.float64),
        iou=against,
        duplicates=_count_duplicates(among, against),
        intersection=int((found_any & truth_any).sum()),
        union=int((found_any | truth_any).sum()),
        labels=labels or {},
        image=image,
    )


def _without(
    masks: NDArray[np.bool_], ignore: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks without ignored pixels, less those that had no other, and bool [n], which are kept."""
    if len(ignore) != 1:
        raise InvalidInputError(f"expected one ignore mask, got {len(ignore)}")
    rest = masks & ~ignore
    kept: NDArray[np.bool_] = np.asarray(rest.any((1, 2)) | ~masks.any((1, 2)))
    return rest[kept], kept


def pairwise_iou(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU of every pair, [n, n], of masks bool [n, H, W]; 0 for a pair of empty masks."""
    # of the covered pixels only; float32 products run in BLAS and are exact up to 2^24 of them
    flat = masks[:, masks.any(0)].astype(np.float32)
    intersection = (flat @ flat.T).astype(np.float64)
    area = np.diagonal(intersection)
    union = area[:, None] + area[None, :] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def summarise(scores: Sequence[CaseScore], *, seed: int = 0) -> Metrics:
    """Metrics of all cases, with a breakdown by each label and by the number of targets.

    seed: of the bootstrap. Raises InvalidInputError when there is no case.
    """
    if not scores:
        raise InvalidInputError("there is nothing to evaluate: no instructions")
    groups: dict[str, dict[str, list[CaseScore]]] = {}
    for score in scores:
        targets = score.iou.shape[1]
        labels = {**score.labels, "targets": str(targets) if targets < 2 else "2+"}
        if targets and "level" in labels:
            labels["level, with target"] = labels["level"]
        for label, value in labels.items():
            groups.setdefault(label, {}).setdefault(value, []).append(score)
    by_label = {
        label: {value: _metrics(members, seed) for value, members in sorted(values.items())}
        for label, values in groups.items()
    }
    return dataclasses.replace(_metrics(scores, seed), by_label=by_label)


def _metrics(scores: Sequence[CaseScore], seed: int) -> Metrics:
    union = sum(s.union for s in scores)
    ap = pooled_average_precision((s.scores, s.iou) for s in scores)
    predicted, truths = (sum(s.iou.shape[axis] for s in scores) for axis in (0, 1))
    true_positives = sum(int(match(s.iou, MATCH_IOU).sum()) for s in scores)
    return Metrics(
        instructions=len(scores),
        giou=float(np.mean([s.united_iou for s in scores])),
        ciou=sum(s.intersection for s in scores) / union if union else None,
        p50=float(np.mean([s.united_iou >= MATCH_IOU for s in scores])),
        mean_ap=None if ap is None else float(ap.mean()),
        ap50=None if ap is None else float(ap[0]),
        ap75=None if ap is None else float(ap[5]),
        precision=true_positives / predicted if predicted else None,
        recall=true_positives / truths if truths else None,
        no_target_accuracy=_share(len(s.iou) == 0 for s in scores if s.iou.shape[1] == 0),
        target_accuracy=_share(len(s.iou) > 0 for s in scores if s.iou.shape[1] > 0),
        count_accuracy=float(np.mean([s.iou.shape[0] == s.iou.shape[1] for s in scores])),
        duplicate_rate=sum(s.duplicates for s in scores) / predicted if predicted else None,
        intervals=_intervals(scores, seed),
    )


def _intervals(scores: Sequence[CaseScore], seed: int) -> dict[str, tuple[float, float]]:
    resampling = ImageResampling([s.image for s in scores], seed)
    found, truths = (np.array([s.iou.shape[axis] for s in scores]) for axis in (0, 1))
    image_of_found = np.repeat(resampling.image_of, found)
    ranked = np.concatenate([s.scores for s in scores])
    hits = np.concatenate([match(s.iou, MATCH_IOU) for s in scores])
    united, every = np.array([s.united_iou for s in scores]), np.ones(len(scores))
    targets = resampling.per_image(truths)
    samples = {
        "giou": resampling.ratios(united, every),
        "p50": resampling.ratios(united >= MATCH_IOU, every),
        "ap50": np.concatenate(
            [
                average_precisions(ranked, hits, draws[:, image_of_found], draws @ targets)
                for draws in resampling.draws(len(ranked))
            ]
        ),
        "no_target_accuracy": resampling.ratios((found == 0) & (truths == 0), truths == 0),
        "target_accuracy": resampling.ratios((found > 0) & (truths > 0), truths > 0),
        "count_accuracy": resampling.ratios(found == truths, every),
        "duplicate_rate": resampling.ratios(np.array([s.duplicates for s in scores]), found),
    }
    ends = {name: interval(values) for name, values in samples.items()}
    return {name: pair for name, pair in ends.items() if pair is not None}


def _count_duplicates(among: NDArray[np.float64], against: NDArray[np.float64]) -> int:
    """Predictions, best first, that share a truth or most of their pixels with an earlier one."""
    on_truth = (against > MATCH_IOU).astype(np.float64)
    same = (among > MATCH_IOU) | (on_truth @ on_truth.T > 0)
    return int(np.tril(same, -1).any(1).sum())


def _share(outcomes: Iterable[bool]) -> float | None:
    listed = list(outcomes)
    return float(np.mean(listed)) if listed else None
