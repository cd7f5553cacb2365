"""What a wording that training never used costs: the same question about the same picture in two wordings.

    python -m benchmarks.wordings runs/scenes/heldout --views 200

For every drafted instruction one held-out wording is drawn and one that training uses; both mean the same
objects. Prints gIoU of either and their paired difference, with 95 % bootstrap intervals over pictures.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

import instructsam_ros
from benchmarks.command import positive_int, run
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, is_held_out
from instructsam_ros.scenes.instructions.generator import (
    KINDS,
    MIN_OBJECTS,
    NEGATIVE_SHARE,
    realize_instruction,
)
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.evaluation import bootstrap

TRIES = 60
"""How often a draft is worded before it counts as one that has no held-out wording."""


class Pair(NamedTuple):
    """One meaning in a wording that training uses and in one that is held out."""

    trained: Instruction
    held_out: Instruction


def pairs(view: View, seed: int, count: int) -> Iterator[Pair]:
    """Up to ``count`` pairs about a view."""
    sampler = InstructionSampler(SceneFacts(view.meta), random.Random(seed), "heldout")
    if len(sampler.seen) < MIN_OBJECTS:
        return
    kinds = {kind: weight for table in KINDS.values() for kind, weight in table.items()}
    for _ in range(20 * count):
        if count == 0:
            return
        sampler.negative = negative = sampler.chance(NEGATIVE_SHARE)
        logical_form = sampler.random.choices(list(kinds), list(kinds.values()))[0](sampler)
        if logical_form is None:
            continue
        worded = [realize_instruction(sampler, logical_form, negative=negative) for _ in range(TRIES)]
        known = [item for item in worded if item and not is_held_out(item.template)]
        unseen = [item for item in worded if item and is_held_out(item.template)]
        if known and unseen:
            count -= 1
            yield Pair(sampler.pick(known), sampler.pick(unseen))


def united_iou(segmenter: Segmenter, features: object, item: Instruction, ids: NDArray[np.uint8]) -> float:
    """IoU of all masks together; 1 where nothing is meant and nothing found."""
    found = segmenter.segment(features, item.text).instances
    answer = np.any([instance.mask for instance in found], axis=0) if found else np.zeros(ids.shape, bool)
    truth = np.isin(ids, item.targets)
    union = int((answer | truth).sum())
    return int((answer & truth).sum()) / union if union else 1.0


def interval(values: NDArray[np.float64], scene: NDArray[np.int64]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean, over scenes: views of one scene are not independent."""
    draws = bootstrap.image_draws([str(number) for number in scene], seed=0)
    ends = bootstrap.interval(bootstrap.ratios(values, np.ones(len(values)), draws))
    if ends is None:
        raise ValueError("there is no answer to take the mean of")
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenes", type=Path, help="folder written by `instructsam scenes render --heldout`")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--views", type=positive_int, default=200)
    parser.add_argument("--pairs", type=positive_int, default=5, help="per view")
    parser.add_argument("--threads", type=positive_int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    segmenter = instructsam_ros.load(args.model, device="cpu")
    rows: list[tuple[int, float, float, bool]] = []
    for number, path in enumerate(tqdm(view_paths(args.scenes)[: args.views], unit="view")):
        view = load_view(path, depth=False)
        features = segmenter.encode(view.rgb)
        for pair in pairs(view, number, args.pairs):
            scores = [united_iou(segmenter, features, item, view.ids) for item in pair]
            carrier_only = not is_held_out(pair.held_out.template.split("|")[0])
            rows.append((view.meta["seed"], *scores, carrier_only))
    if not rows:
        raise InvalidInputError(f"no view of {args.scenes} has an instruction in both wordings")
    table = np.array(rows, np.float64)
    for name, some in (
        ("all", np.full(len(table), True)),
        ("held-out sentence around a known noun phrase", table[:, 3] == 1),
        ("held-out noun phrase or whole sentence", table[:, 3] == 0),
    ):
        if not some.any():
            continue
        _, picture = np.unique(table[some, 0], return_inverse=True)
        trained, unseen = table[some, 1], table[some, 2]
        low, high = interval(unseen - trained, picture)
        print(
            f"{name}: {some.sum()} pairs, gIoU {trained.mean():.3f} as trained, "
            f"{unseen.mean():.3f} held out, "
            f"difference {100 * (unseen - trained).mean():+.1f} "
            f"[{100 * low:+.1f}, {100 * high:+.1f}] points"
        )


if __name__ == "__main__":
    run(main)
