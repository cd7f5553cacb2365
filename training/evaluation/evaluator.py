"""Run a segmenter over a benchmark and keep what the report shows."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.data.inst2seg import BenchmarkImage, BenchmarkItem
from instructsam_ros.training.evaluation.metrics import (
    CaseScore,
    InstructionCase,
    Metrics,
    Prediction,
    score_case,
    summarise,
)
from instructsam_ros.types import Segmentation
from instructsam_ros.visualization import overlay

RIGHT, MISSED, EXTRA = (0, 200, 0), (230, 0, 0), (0, 80, 255)  # RGB tints of the comparison
WIDEST = 2400  # pixels of a picture on the page, which shows fewer; JPEG takes 65535


@dataclass(frozen=True, order=True)
class WorstCase:
    """A case worth looking at. draw: decides among cases as bad as each other, so that they come from all of
    the benchmark. jpeg: the answer (left) beside its comparison with the truth.
    """

    badness: float
    draw: int
    image: str = field(compare=False)
    item: BenchmarkItem = field(compare=False)
    answer: str = field(compare=False)
    found: tuple[tuple[str, float], ...] = field(compare=False)
    """Phrase and score of every instance."""
    jpeg: bytes = field(compare=False)

    @property
    def iou(self) -> float:
        """IoU of the united masks."""
        return 1.0 - self.badness


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a whole benchmark and its worst cases, worst first. images: how many were asked about."""

    metrics: Metrics
    images: int
    worst: tuple[WorstCase, ...]


def evaluate(
    segmenter: Segmenter,
    benchmark: Sequence[BenchmarkImage],
    *,
    limit: int | None = None,
    worst: int = 60,
    seed: int = 0,
) -> Evaluation:
    """Answer every instruction (or the first ``limit`` ones) and score the answers.

    Each image is encoded once. worst: how many cases with an IoU below 1 to keep. seed: of the
    confidence intervals. Raises InvalidInputError when there is no instruction.
    """
    total = sum(len(image.items) for image in benchmark)
    scores: list[CaseScore] = []
    kept: list[WorstCase] = []
    images = 0
    with tqdm(total=min(total, limit or total), unit="instruction") as progress:
        for image in benchmark:
            items = image.items if limit is None else image.items[: limit - len(scores)]
            if not items:
                continue
            images += 1
            rgb = image.read()
            features = segmenter.encode(rgb)
            for item in items:
                answer = segmenter.segment(features, item.text)
                truth = image.masks(item)
                prediction = to_prediction(answer, rgb.shape[:2])
                score = score_case(InstructionCase(truth, item.labels, image.name), prediction)
                badness = 1.0 - score.united_iou
                draw = zlib.crc32(f"{image.name} {item.text}".encode())
                if badness > 0 and (len(kept) < worst or (badness, draw) > (kept[0].badness, kept[0].draw)):
                    found = tuple((instance.phrase, instance.score) for instance in answer.instances)
                    picture = _compare(rgb, answer, truth)
                    heapq.heappush(
                        kept,
                        WorstCase(badness, draw, image.name, item, answer.answer, found, picture),
                    )
                    if len(kept) > worst:
                        heapq.heappop(kept)
                scores.append(score)
                progress.update()
    return Evaluation(summarise(scores, seed=seed), images, tuple(sorted(kept, reverse=True)))


def to_prediction(answer: Segmentation, size: tuple[int, ...]) -> Prediction:
    """The masks and scores of an answer on an image of ``size`` (H, W)."""
    masks = [instance.mask for instance in answer.instances]
    scores = np.array([instance.score for instance in answer.instances], np.float64)
    return Prediction(np.stack(masks) if masks else np.zeros((0, *size), bool), scores)


def _compare(rgb: NDArray[np.uint8], answer: Segmentation, truth: NDArray[np.bool_]) -> bytes:
    """JPEG of the answer's overlay beside the image tinted where the answer is right, missing and extra."""
    wanted = truth.any(0)
    found = to_prediction(answer, rgb.shape[:2]).masks.any(0)
    tinted = rgb.copy()
    for where, tint in ((found & wanted, RIGHT), (wanted & ~found, MISSED), (found & ~wanted, EXTRA)):
        tinted[where] = (0.45 * tinted[where] + 0.55 * np.array(tint)).astype(np.uint8)
    pair = np.hstack([overlay(rgb, answer.instances), tinted])
    scale = min(1.0, WIDEST / max(pair.shape[:2]))
    if scale < 1:
        height, width = (max(round(scale * side), 1) for side in pair.shape[:2])
        pair = cv2.resize(pair, (width, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pair[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()
