"""Scores of a model in training, through the same segmenter that ships."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.config import EvaluationSettings
from instructsam_ros.training.evaluation import InstructionCase, evaluate_predictions
from instructsam_ros.training.evaluation.evaluator import to_prediction
from instructsam_ros.types import Segmentation


def validate(
    segmenter: Segmenter, settings: EvaluationSettings, samples: Path, step: int
) -> dict[str, float]:
    """Metrics over held-out views; the same views and instructions at every call.

    Writes a sheet of sample overlays, samples/STEP.png: green is right, red is missed, blue is
    extra.
    """
    paths = view_paths(Path(settings.root))
    rng = np.random.default_rng(settings.seed)
    cases, predictions = [], []
    sheet: list[NDArray[np.uint8]] = []
    for path in paths[:: max(1, len(paths) // settings.views)][: settings.views]:
        view = load_view(path, depth=False)
        features = segmenter.encode(view.rgb)
        for item in instructions(view.meta, rng, settings.instructions, split="heldout"):
            answer = segmenter.segment(features, item.text)
            truth = truth_masks(view, item)
            labels = {"level": item.level, "cardinality": item.cardinality, "kind": item.kind}
            cases.append(InstructionCase(truth, labels, path.stem))
            predictions.append(to_prediction(answer, truth.shape[1:]))
            if len(sheet) < settings.samples and rng.random() < 0.3:
                sheet.append(sample_tile(view, item, answer, truth))
    if sheet:
        samples.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(samples / f"{step:06d}.png"), contact_sheet(sheet))
    return evaluate_predictions(cases, predictions).headline()


def truth_masks(view: View, item: Instruction) -> NDArray[np.bool_]:
    """Ground-truth masks, bool [m, H, W]."""
    return (
        np.stack([view.ids == i for i in item.targets])
        if item.targets
        else np.zeros((0, *view.ids.shape), bool)
    )


def sample_tile(
    view: View, item: Instruction, answer: Segmentation, truth: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """The picture with right, missed and extra pixels tinted, the instruction written above; BGR."""
    found = np.any([instance.mask for instance in answer.instances] or [np.zeros(view.ids.shape, bool)], 0)
    wanted = truth.any(0)
    tile = view.rgb[..., ::-1].astype(np.float32)
    for where, color in (
        (found & wanted, (0, 200, 0)),
        (wanted & ~found, (0, 0, 230)),
        (found & ~wanted, (230, 0, 0)),
    ):
        tile[where] = 0.5 * tile[where] + 0.5 * np.array(color)
    header = np.full((34, tile.shape[1], 3), 255, np.uint8)
    scores = " ".join(f"{instance.score:.2f}" for instance in answer.instances)
    for line, text in enumerate((item.text[:64], f"-> {answer.answer[:40]} [{scores}]")):
        cv2.putText(
            header, text, (3, 13 + 15 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA
        )
    return np.vstack([header, tile.astype(np.uint8)])


def contact_sheet(tiles: list[NDArray[np.uint8]], columns: int = 4) -> NDArray[np.uint8]:
    """Tiles of one size in rows of ``columns``."""
    blank = np.full_like(tiles[0], 255)
    padded = tiles + [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)])
