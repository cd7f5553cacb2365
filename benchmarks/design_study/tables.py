"""Figures with confidence intervals, and Markdown tables of them.

Intervals are percentiles of a bootstrap over images. Every arm answers the same instructions about
the same images and is resampled with the same draws, so differences between arms are paired. With
several seeds a figure is the mean over them; the interval then covers the choice of images, and the
spread over seeds stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.design_study.questions import Answered
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.evaluation.average_precision import average_precision, match
from instructsam_ros.training.evaluation.bootstrap import RESAMPLES, image_draws
from instructsam_ros.training.evaluation.bootstrap import interval as percentiles
from instructsam_ros.training.evaluation.metrics import MATCH_IOU

Weights = NDArray[np.int64]
"""How often each instruction counts, [n]."""


@dataclass(frozen=True)
class Sample:
    """Answers of one model as arrays over n instructions. image, level, cardinality: str. iou: of the
    united masks. targets, found: numbers of instances. masks, duplicates: before repeated masks are
    left out. scores, hits: per instruction, of the instances found.
    """

    image: NDArray[np.str_]
    cardinality: NDArray[np.str_]
    iou: NDArray[np.float64]
    targets: NDArray[np.int64]
    found: NDArray[np.int64]
    masks: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    seconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]

    @classmethod
    def of(cls, answered: Sequence[Answered]) -> Sample:
        """Arrays of scored answers."""
        scores = [a.score for a in answered]
        return cls(
            image=np.array([s.image for s in scores]),
            cardinality=np.array([s.labels["cardinality"] for s in scores]),
            iou=np.array([s.united_iou for s in scores]),
            targets=np.array([s.iou.shape[1] for s in scores]),
            found=np.array([len(s.scores) for s in scores]),
            masks=np.array([a.masks for a in answered]),
            duplicates=np.array([a.duplicates for a in answered]),
            seconds=np.array([a.seconds for a in answered]),
            scores=np.concatenate([s.scores for s in scores]),
            hits=np.concatenate([match(s.iou, MATCH_IOU) for s in scores]),
        )


Metric = Callable[[Sample, Weights], float]


def giou(sample: Sample, weights: Weights) -> float:
    """Mean IoU of the united masks."""
    return _ratio(sample.iou @ weights, weights.sum())


def ap50(sample: Sample, weights: Weights) -> float:
    """Average precision at IoU 0.5, pooled over instructions."""
    repeats = np.repeat(weights, sample.found)
    truths = int(sample.targets @ weights)
    if not truths:
        return float("nan")
    return average_precision(np.repeat(sample.scores, repeats), np.repeat(sample.hits, repeats), truths)


def no_target(sample: Sample, weights: Weights) -> float:
    """Empty answers where nothing is there."""
    return _share(sample.found == 0, sample.targets == 0, weights)


def target(sample: Sample, weights: Weights) -> float:
    """Answers with a mask where something is there."""
    return _share(sample.found > 0, sample.targets > 0, weights)


def count(sample: Sample, weights: Weights) -> float:
    """As many masks as targets."""
    return _share(sample.found == sample.targets, sample.targets >= 0, weights)


def duplicates(sample: Sample, weights: Weights) -> float:
    """Masks that repeat another one, before those are left out."""
    return _ratio(sample.duplicates @ weights, sample.masks @ weights)


METRICS: dict[str, Metric] = {
    "gIoU": giou,
    "AP50": ap50,
    "no-target acc.": no_target,
    "target acc.": target,
    "count acc.": count,
    "duplicates": duplicates,
}


def _share(holds: NDArray[np.bool_], among: NDArray[np.bool_], weights: Weights) -> float:
    return _ratio((holds & among) @ weights, among @ weights)


def _ratio(part: Any, whole: Any) -> float:
    """Of numpy scalars; not a number where nothing defines it."""
    return float(part / whole) if whole else float("nan")


def draws(sample: Sample, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """Weights of every instruction, [1 + resamples, n]: all once, then bootstraps over images."""
    drawn = image_draws(list(sample.image), seed, resamples)
    return np.vstack([np.ones((1, drawn.shape[1]), np.int64), drawn])


def estimate(seeds: Sequence[Sample], metric: Metric, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """A metric for every draw, [draws], as the mean over seeds. Raises InvalidInputError for seeds that
    answered other instructions.
    """
    if any(not np.array_equal(sample.image, seeds[0].image) for sample in seeds):
        raise InvalidInputError("the runs answered different instructions; evaluate them alike")
    values = np.array([[metric(sample, w) for w in weights] for sample in seeds])
    means: NDArray[np.float64] = values.mean(0)
    return means


def interval(values: NDArray[np.float64]) -> str:
    """The figure and its interval, in per cent; a dash where nothing defines it."""
    if np.isnan(values[0]):
        return "-"
    low, high = percentiles(values[1:]) or (np.nan, np.nan)
    return f"{100 * values[0]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def comparison(models: dict[str, list[Sample]], reference: str) -> list[list[str]]:
    """Rows of figures, header first, and each model's paired difference from the reference."""
    weights = draws(models[reference][0])
    header = ["", "seeds", *METRICS, "gIoU difference", "AP50 difference"]
    values = {
        title: {name: estimate(seeds, metric, weights) for name, metric in METRICS.items()}
        for title, seeds in models.items()
    }
    rows = [header]
    for title, seeds in models.items():
        cells = [interval(values[title][name]) for name in METRICS]
        apart = ["-", "-"]
        if title != reference:
            apart = [interval(values[title][name] - values[reference][name]) for name in ("gIoU", "AP50")]
        rows.append([title, str(len(seeds)), *cells, *apart])
    return rows


def spread(models: dict[str, list[Sample]]) -> list[list[str]]:
    """gIoU and AP50 of every single seed."""
    rows = [["", "gIoU of each seed", "AP50 of each seed"]]
    for title, seeds in models.items():
        cells = [
            ", ".join(f"{100 * metric(sample, np.ones(len(sample.iou), np.int64)):.1f}" for sample in seeds)
            for metric in (giou, ap50)
        ]
        rows.append([title, *cells])
    return rows


def by_targets(models: dict[str, list[Sample]], reference: str) -> list[list[str]]:
    """gIoU and count accuracy by number of targets."""
    groups = {"0": (0, 0), "1": (1, 1), "2": (2, 2), "3": (3, 3), "4 and more": (4, 99)}
    weights = draws(models[reference][0])
    rows = [["", "figure", *(f"{name} targets" for name in groups)]]
    for title, seeds in models.items():
        for name, metric in (("gIoU", giou), ("count acc.", count)):
            cells = []
            for low, high in groups.values():
                inside = (seeds[0].targets >= low) & (seeds[0].targets <= high)
                cells.append(interval(estimate(seeds, metric, weights * inside)) if inside.any() else "-")
            rows.append([title, name, *cells])
    return rows


def with_time(models: dict[str, list[Sample]], reference: str) -> list[list[str]]:
    """``comparison`` without seeds, with the time of an answer."""
    rows = comparison(models, reference)
    timed = [[*rows[0], "ms, mean", "ms, 95 %", "time ratio"]]
    base = np.mean(models[reference][0].seconds)
    for row, seeds in zip(rows[1:], models.values(), strict=True):
        seconds = seeds[0].seconds
        mean, late = np.mean(seconds), np.quantile(seconds, 0.95)
        timed.append([*row, f"{1000 * mean:.0f}", f"{1000 * late:.0f}", f"{mean / base:.2f}"])
    return [[row[0], *row[2:]] for row in timed]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, header first."""
    header, *body = rows
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
