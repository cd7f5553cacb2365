"""What the image side of a compact training run can outline and name, without any instruction.

For every labelled object: the mask that its most covered memory cell predicts, and the noun that the category
head gives it. It tells within minutes which ingredient of a recipe matters on real pictures.

    python -m benchmarks.image_side TRAINING_FILE SETS_FILE
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.command import positive_int, run
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import TrainSettings, read_settings
from instructsam_ros.training.data.annotated_images import GroundedImage, ground
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mixture import read_all
from instructsam_ros.training.data.registry import DataSet, parse_source
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.objectives.compact.objective import CompactObjective
from instructsam_ros.training.objectives.grounding import CATEGORIES

LEAST_PIXELS = 60
"""Smaller objects at the model's size, 0.05 % of the picture, do not count."""


@dataclass(frozen=True)
class ObjectResult:
    """An object of a picture. iou: of its mask and the predicted one. named: whether the head gives it its
    noun; None where its noun is none of the head's.
    """

    iou: float
    named: bool | None


@torch.inference_mode()
def image_results(objective: CompactObjective, image: GroundedImage) -> list[ObjectResult]:
    """Outline and name every object of a picture."""
    model, detector = objective.model, objective.model.detector
    pixels = normalize(torch.from_numpy(image.rgb.copy()).permute(2, 0, 1)[None])
    features = detector.prepare(model.image_encoder(PyramidInputs(pixels)))
    names = objective.heads.category(features.memory[0])
    half = torch.from_numpy(image.id_map[::2, ::2].copy())
    found = []
    for item in image.objects:
        truth = half == item.id
        if 4 * int(truth.sum()) < LEAST_PIXELS:
            continue
        cell = int(_coverage(truth).argmax())
        embeds, boxes = features.values.masks[:, cell], features.values.boxes[:, cell]
        mask = detector.fine_logits(embeds, boxes, features.pixels[0], features.fine_pixels[0])[0] > 0
        iou = float((mask & truth).sum() / (mask | truth).sum())
        known = CATEGORIES.index(item.category) if item.category in CATEGORIES else None
        found.append(ObjectResult(iou, None if known is None else int(names[cell].argmax()) == known))
    return found


def _coverage(truth: Tensor) -> Tensor:
    """Share of every memory cell that a mask covers, flat. truth: bool [h, w] at stride 2."""
    return torch.nn.functional.avg_pool2d(truth[None, None].float(), 8).flatten()


def images_of(data: DataSet, size: tuple[int, int]) -> list[GroundedImage]:
    """Read the pictures of a set with all instances that its samples name."""
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in read_all(data, BrokenRecords()):
        groups[sample.image].append(sample)
    return [ground(group, size) for group in groups.values()]


def row(name: str, results: list[ObjectResult]) -> str:
    """Format the figures of a set, of one object at least, as a row of the table, in per cent."""
    ious: NDArray[np.float64] = np.array([r.iou for r in results])
    named = [r.named for r in results if r.named is not None]
    share = f"{100 * np.mean(named):.1f}" if named else "-"
    return f"| {name} | {len(ious)} | {100 * ious.mean():.1f} | {100 * (ious > 0.5).mean():.1f} | {share} |"


def load_objective(settings: TrainSettings) -> CompactObjective:
    """Build the model and heads of a run with the averaged weights of its last checkpoint.

    Raises CheckpointError for a run without one.
    """
    folder = Path(settings.out)
    state = checkpoint.load(folder)
    if state is None:
        raise CheckpointError(f"{folder} has no checkpoint yet; start the run with: instructsam train FILE")
    objective = CompactObjective(settings, folder)
    objective.model.load_state_dict(state["average"])
    objective.heads.load_state_dict(state["heads"])
    objective.model.eval()
    return objective


def main() -> None:
    """Print the table of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", help="training file of the run")
    parser.add_argument(
        "sets", help="YAML file with the data sets as sets, as instructsam data inspect takes it"
    )
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = read_settings(args.config)
    if not isinstance(settings, TrainSettings):
        raise ConfigError(f"{args.config}: this benchmark is about runs of the compact model")
    objective = load_objective(settings)
    vision = objective.model.config.vision
    print("| set | objects | mean IoU | IoU > 0.5 | named |\n|---|---|---|---|---|")
    for data in parse_source(Path(args.sets), []):
        images = images_of(data, (vision["width"], vision["height"]))
        print(row(data.path.name, [r for image in images for r in image_results(objective, image)]))


if __name__ == "__main__":
    run(main)
