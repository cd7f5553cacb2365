"""Held-out instructions, and scores of the answers to them in a file that the report reads."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.backends.instructsam import EncodedImage, InstructSamSegmenter
from instructsam_ros.models.instructsam.postprocessing import without_duplicates
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.training.evaluation import CaseScore, InstructionCase, Prediction, score_case
from instructsam_ros.training.validation import truth_masks
from instructsam_ros.types import Instance

DUPLICATE_IOU = 0.5
"""As the compact model is shipped: a mask that overlaps a better one by more is left out."""


@dataclass(frozen=True)
class Question:
    """One instruction about one encoded view. truth: bool [m, H, W]."""

    view: View
    features: EncodedImage
    item: Instruction
    truth: NDArray[np.bool_]


Answer = Callable[[Question], Sequence[Instance]]


@dataclass(frozen=True)
class Answered:
    """score: of the answer without repeated masks. masks, duplicates: how many the model gave, and how
    many of them repeat another one, before that. seconds: wall time without encoding the image.
    """

    score: CaseScore
    masks: int
    duplicates: int
    seconds: float


def every_mask(segmenter: InstructSamSegmenter) -> InstructSamSegmenter:
    """The segmenter with repeated masks left in, so that they can be counted."""
    segmenter.model.config = dataclasses.replace(segmenter.model.config, duplicate_iou=1.0)
    return segmenter


def ask(
    segmenter: InstructSamSegmenter,
    answer: Answer,
    root: str,
    views: int,
    per_view: int,
    seed: int = 7,
) -> list[Answered]:
    """Score ``answer`` on the same instructions about the same views at every call."""
    return ask_in_turn(segmenter, {"": answer}, root, views, per_view, seed)[""]


def ask_in_turn(
    segmenter: InstructSamSegmenter,
    answers: Mapping[str, Answer],
    root: str,
    views: int,
    per_view: int,
    seed: int = 7,
) -> dict[str, list[Answered]]:
    """As ``ask``, of several ways to answer. They take turns at every question, so that what else happens on
    the machine meets all alike.
    """
    paths = view_paths(root)
    rng = np.random.default_rng(seed)
    answered: dict[str, list[Answered]] = {name: [] for name in answers}
    for path in tqdm(paths[:: max(1, len(paths) // views)][:views], unit="view", leave=False):
        view = load_view(path, depth=False)
        features = segmenter.encode(view.rgb)
        for item in instructions(view.meta, rng, per_view, split="heldout"):
            question = Question(view, features, item, truth_masks(view, item))
            for name, answer in answers.items():
                start = time.perf_counter()
                given = answer(question)
                seconds = time.perf_counter() - start
                answered[name].append(_scored(question, given, path.stem, seconds))
    return answered


def _scored(question: Question, given: Sequence[Instance], image: str, seconds: float) -> Answered:
    item, size = question.item, question.view.ids.shape
    labels = {"level": item.level, "cardinality": item.cardinality, "kind": item.kind}
    case = InstructionCase(question.truth, labels, image)
    raw = score_case(case, _prediction(given, size))
    final = score_case(case, _prediction(without_duplicates(given, DUPLICATE_IOU), size))
    return Answered(final, len(raw.scores), raw.duplicates, seconds)


def _prediction(given: Sequence[Instance], size: tuple[int, ...]) -> Prediction:
    masks = [instance.mask for instance in given]
    scores = np.array([instance.score for instance in given], np.float64)
    return Prediction(np.stack(masks) if masks else np.zeros((0, *size), bool), scores)


def save(path: Path, answered: Sequence[Answered], about: dict[str, Any]) -> None:
    """Write answers as JSON. about: what was asked, for the report."""
    rows = [vars(a) | {"score": _plain(a.score)} for a in answered]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"about": about, "answered": rows}).encode())


def load(path: Path) -> tuple[list[Answered], dict[str, Any]]:
    """What ``save`` wrote."""
    content = json.loads(path.read_text())
    return [_read(row) for row in content["answered"]], content["about"]


def _plain(score: CaseScore) -> dict[str, Any]:
    # An array without rows forgets in JSON how many columns it had.
    arrays = {"scores": score.scores.tolist(), "iou": score.iou.tolist(), "targets": score.iou.shape[1]}
    return vars(score) | arrays


def _read(row: dict[str, Any]) -> Answered:
    score = row["score"]
    scores = np.array(score["scores"], np.float64)
    iou = np.array(score["iou"], np.float64).reshape(len(scores), score["targets"])
    fields = {name: score[name] for name in ("duplicates", "intersection", "union", "labels", "image")}
    return Answered(CaseScore(scores, iou, **fields), row["masks"], row["duplicates"], row["seconds"])
