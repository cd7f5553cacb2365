"""Accuracy on paraphrases held out from training, paired with training paraphrases of the same meaning.

    python -m benchmarks.paraphrases runs/scenes/validation --views 200

Every logical form is realized once with held-out templates and once with training templates; both have the
same targets. Prints the gIoU of both and their paired difference, with 95 % bootstrap intervals over scenes.
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
from benchmarks.union_iou import union_iou
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
from instructsam_ros.training.evaluation import bootstrap

TRIES = 60
"""Realizations of a logical form, after which one without a held-out template is dropped."""


class Pair(NamedTuple):
    """Two instructions of one meaning: with training templates, and with held-out templates."""

    trained: Instruction
    held_out: Instruction


def pairs(view: View, seed: int, count: int) -> Iterator[Pair]:
    """Sample up to ``count`` pairs about a view."""
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
        realized = [realize_instruction(sampler, logical_form, negative=negative) for _ in range(TRIES)]
        trained = [item for item in realized if item and not is_held_out(item.template)]
        held_out = [item for item in realized if item and is_held_out(item.template)]
        if trained and held_out:
            count -= 1
            yield Pair(sampler.pick(trained), sampler.pick(held_out))


def interval(values: NDArray[np.float64], scene: NDArray[np.int64]) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of the mean over scenes, since views of one are not independent.

    values: one per pair. scene: its scene. Raises ValueError for no values.
    """
    resampling = bootstrap.ImageResampling([str(number) for number in scene], seed=0)
    ends = bootstrap.interval(resampling.ratios(values, np.ones(len(values))))
    if ends is None:
        raise ValueError("the mean of no values is undefined")
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "scenes", type=Path, help="folder written by `instructsam scenes render --validation`"
    )
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
            scores = [union_iou(segmenter, features, item, view.ids) for item in pair]
            template_only = not is_held_out(pair.held_out.template.split("|")[0])
            rows.append((view.meta["seed"], *scores, template_only))
    if not rows:
        raise InvalidInputError(
            f"no view of {args.scenes} has an instruction with both a training and a held-out template"
        )
    table = np.array(rows, np.float64)
    for name, some in (
        ("all", np.full(len(table), True)),
        ("held-out sentence template, training noun phrase", table[:, 3] == 1),
        ("held-out noun phrase or construct", table[:, 3] == 0),
    ):
        if not some.any():
            continue
        _, scene = np.unique(table[some, 0], return_inverse=True)
        trained, held_out = table[some, 1], table[some, 2]
        low, high = interval(held_out - trained, scene)
        print(
            f"{name}: {some.sum()} pairs, gIoU {trained.mean():.3f} with training templates, "
            f"{held_out.mean():.3f} with held-out templates, "
            f"difference {100 * (held_out - trained).mean():+.1f} "
            f"[{100 * low:+.1f}, {100 * high:+.1f}] points"
        )


if __name__ == "__main__":
    run(main)
