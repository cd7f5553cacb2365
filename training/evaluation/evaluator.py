"""Run a segmenter over samples, score its answers and keep the worst for the report."""

from __future__ import annotations

import heapq
import itertools
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import RefinementSettings, refine_with_depth
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.metrics import (
    CaseScore,
    Metrics,
    Prediction,
    score_case,
    summarise,
)
from instructsam_ros.training.evaluation.processes import gathered, own_share
from instructsam_ros.types import Frame, Segmentation
from instructsam_ros.visualization import overlay

RIGHT, MISSED, EXTRA = (0, 200, 0), (230, 0, 0), (0, 80, 255)  # RGB tints of the comparison
WIDEST = 2400  # pixels of a picture on the page, which shows fewer; JPEG takes 65535


@dataclass(frozen=True, order=True)
class WorstCase:
    """A case worth looking at. draw: decides among cases as bad as each other, so that they come from the
    whole benchmark. targets: number of true instances. found: phrase and score of every prediction.
    jpeg: the prediction (left) beside its comparison with the truth.
    """

    badness: float
    draw: int
    image: str = field(compare=False)
    instruction: str = field(compare=False)
    targets: int = field(compare=False)
    labels: Mapping[str, str] = field(compare=False)
    answer: str = field(compare=False)
    found: tuple[tuple[str, float], ...] = field(compare=False)
    jpeg: bytes = field(compare=False)

    @property
    def iou(self) -> float:
        """IoU of the united masks."""
        return 1.0 - self.badness


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a whole benchmark and its worst cases, worst first. images: how many had an instruction.
    repeated: instructions that were asked about the same image before, and count again. scores: those of
    every case, in the order of the samples.
    """

    metrics: Metrics
    images: int
    repeated: int
    worst: tuple[WorstCase, ...]
    scores: tuple[CaseScore, ...] = ()


class WorstCases:
    """Keeps the ``count`` worst of all cases that are offered."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._kept: list[WorstCase] = []

    def offer(
        self,
        sample: Sample,
        rgb: NDArray[np.uint8],
        answer: Segmentation,
        truth: NDArray[np.bool_],
        score: CaseScore,
    ) -> None:
        """Keep a case that is not perfect if it is among the worst so far."""
        badness = 1.0 - score.united_iou
        draw = zlib.crc32(f"{sample.image} {sample.instruction}".encode())
        if not badness or not self.count:
            return
        if len(self._kept) == self.count and (badness, draw) <= (self._kept[0].badness, self._kept[0].draw):
            return
        heapq.heappush(
            self._kept,
            WorstCase(
                badness,
                draw,
                sample.image,
                sample.instruction,
                len(truth),
                sample.labels,
                answer.answer,
                tuple((instance.phrase, instance.score) for instance in answer.instances),
                _compare(rgb, answer, truth),
            ),
        )
        if len(self._kept) > self.count:
            heapq.heappop(self._kept)

    def sorted(self) -> tuple[WorstCase, ...]:
        """Return them, worst first."""
        return tuple(sorted(self._kept, reverse=True))


def evaluate(
    segmenter: Segmenter,
    samples: Iterable[Sample],
    *,
    limit: int | None = None,
    worst: int = 60,
    seed: int = 0,
    broken: BrokenRecords | None = None,
    process: int = 0,
    processes: int = 1,
    refinement: RefinementSettings | None = None,
) -> Evaluation:
    """Answer every instruction (or the first ``limit`` ones) and score the answers.

    Each image is encoded once for the samples on it that follow each other. worst: how many cases with an IoU
    below 1 to keep. seed: of the confidence intervals. broken: counts samples whose image or masks cannot be
    read. process: number of this process among ``processes`` that call this together; each answers the
    instructions on its share of the images and gets the result of all. refinement: of masks, where samples
    have depth. Raises InvalidInputError when there is no instruction, when too many cannot be read, and for a
    refinement without any depth.
    """
    broken = broken or BrokenRecords()
    scores: list[tuple[int, CaseScore]] = []
    kept = WorstCases(worst)
    images = with_depth = repeated = 0
    share = own_share(itertools.islice(samples, limit), process, processes)
    progress = tqdm(share, unit="instruction", desc="evaluate", disable=process > 0)
    for _, group in itertools.groupby(progress, key=lambda pair: (pair[1].source, pair[1].image)):
        features: object | None = None
        asked: set[str] = set()
        for position, sample in group:
            try:
                if features is None:
                    frame = _read_frame(sample, with_depth=refinement is not None)
                    rgb = frame.rgb
                    features = segmenter.encode(rgb)
                    images += 1
                    with_depth += frame.depth is not None
                truth = sample.masks()
                ignore = sample.ignore() if sample.ignore else None
                for masks in (truth,) if ignore is None else (truth, ignore):
                    if masks.shape[1:] != rgb.shape[:2]:
                        raise InvalidInputError(
                            f"masks of {masks.shape[1:]} pixels for an image of {rgb.shape[:2]}"
                        )
            except InvalidInputError as error:
                broken.add(sample.source, sample.record or sample.image, error)
                continue
            repeated += sample.instruction in asked
            asked.add(sample.instruction)
            answer = segmenter.segment(features, sample.instruction)
            if refinement is not None:
                answer = refine_with_depth(frame, answer, refinement)
            prediction = to_prediction(answer, rgb.shape[:2])
            score = score_case(truth, prediction, sample.labels, sample.image, ignore)
            kept.offer(sample, rgb, answer, truth, score)
            scores.append((position, score))
    ordered = [score for _, score in sorted(gathered(scores, processes), key=lambda pair: pair[0])]
    cases = sorted(gathered(list(kept.sorted()), processes), reverse=True)[:worst]
    counts = (images, with_depth, repeated)
    images, with_depth, repeated = (sum(gathered([count], processes)) for count in counts)
    if refinement is not None and not with_depth:
        raise InvalidInputError("no image has depth to refine masks with; leave refine_with_depth out")
    return Evaluation(summarise(ordered, seed=seed), images, repeated, tuple(cases), tuple(ordered))


def _read_frame(sample: Sample, *, with_depth: bool) -> Frame:
    rgb = sample.read()
    return Frame(rgb, *sample.depth()) if with_depth and sample.depth else Frame(rgb)


def to_prediction(answer: Segmentation, size: tuple[int, ...]) -> Prediction:
    """The masks and scores of an answer on an image of ``size`` (H, W)."""
    masks = [instance.mask for instance in answer.instances]
    scores = np.array([instance.score for instance in answer.instances], np.float64)
    return Prediction(np.stack(masks) if masks else np.zeros((0, *size), bool), scores)


def _compare(rgb: NDArray[np.uint8], answer: Segmentation, truth: NDArray[np.bool_]) -> bytes:
    """JPEG of the answer's overlay beside the image tinted where the answer is right, missing and extra."""
    target = truth.any(0)
    found = to_prediction(answer, rgb.shape[:2]).masks.any(0)
    tinted = rgb.copy()
    for where, tint in ((found & target, RIGHT), (target & ~found, MISSED), (found & ~target, EXTRA)):
        tinted[where] = (0.45 * tinted[where] + 0.55 * np.array(tint)).astype(np.uint8)
    pair = np.hstack([overlay(rgb, answer.instances), tinted])
    scale = min(1.0, WIDEST / max(pair.shape[:2]))
    if scale < 1:
        height, width = (max(round(scale * side), 1) for side in pair.shape[:2])
        pair = cv2.resize(pair, (width, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pair[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()
