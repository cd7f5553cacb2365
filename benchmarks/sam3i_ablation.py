"""The ablation of SAM3-I (arXiv 2512.04585): what its stages and alignment losses bring, on held-out scenes.

    python -m benchmarks.sam3i_ablation config/training/sam3i_compact.yaml --sam3 weights/sam3_compact \
        --arms 1 1+2 "2 only" 1+2+3 --seeds 1 2 3

Every arm is a run of the training file, from the export of the arm before it, which is trained first; what is
in --out already is not trained again. Simple and complex instructions about the shipped test set are scored
by themselves, each on the route that the arm has trained for it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.backends import scattered
from benchmarks.command import folder_name, positive_int, run
from instructsam_ros.models.sam3i.checkpoint import add_adapters, save_folder
from instructsam_ros.models.sam3i.configuration import read_adapter_config
from instructsam_ros.models.sam3i.router import RouteName
from instructsam_ros.paths import DATA
from instructsam_ros.segmenter import load
from instructsam_ros.training.checkpoint import export_run
from instructsam_ros.training.config import settings_from
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.evaluation.protocols import protocol
from instructsam_ros.training.trainer import Trainer
from instructsam_ros.yaml_config import load_mapping

LEVELS: tuple[RouteName, RouteName] = ("simple", "complex")
FIGURES = ("giou", "ap50")
LOSSES = ("contrast", "anchor", "agreement", "disagreement")
WITHOUT: Mapping[str, float] = dict.fromkeys(LOSSES, 0.0)


@dataclass(frozen=True)
class Arm:
    """A row. before: the arm that it starts from; "" is SAM 3 with fresh adapters. loss: settings in place of
    the file's; of the alignment losses, those that are left out here keep the file's weight. routes: of the
    two levels in the evaluation.
    """

    stage: int
    before: str = ""
    loss: Mapping[str, float] = field(default_factory=dict)
    routes: tuple[RouteName, RouteName] = LEVELS


def _without_others(loss: str) -> dict[str, float]:
    return {name: weight for name, weight in WITHOUT.items() if name != loss}


ARMS: Mapping[str, Arm] = {
    "1": Arm(1, routes=("simple", "simple")),
    "1+2": Arm(2, "1"),
    "2 only": Arm(2, routes=("complex", "complex")),
    "3 only": Arm(3),
    "1+2+3": Arm(3, "1+2"),
    "1+2+3, no alignment": Arm(3, "1+2", WITHOUT),
    **{f"1+2+3, {loss}": Arm(3, "1+2", _without_others(loss)) for loss in LOSSES},
    **{f"1+2+3, rho {rho}": Arm(3, "1+2", {"same_concept_weight": rho}) for rho in (0.3, 0.7)},
    **{f"1+2+3, m {margin}": Arm(3, "1+2", {"margin": margin}) for margin in (0.1, 0.3)},
}


def trained(name: str, values: Mapping[str, Any], sam3: Path, out: Path) -> Path:
    """Train an arm, and those before it, unless their exports are in ``out``; return the folder of it.

    values: of the training file. Raises as the trainer does.
    """
    arm = ARMS[name]
    folder = out / folder_name(name)
    if (folder / "config.json").exists():
        return folder
    before = trained(arm.before, values, sam3, out) if arm.before else _with_adapters(values, sam3, out)
    settings = settings_from(
        {
            **values,
            "stage": arm.stage,
            "model": str(sam3 if arm.stage == 1 else before),
            "out": str(out / "runs" / folder.name),
            "loss": {**values.get("loss", {}), **arm.loss},
            "evaluation": {**values["evaluation"], "limit": 1, "samples": 0},
        },
        name,
    )
    Trainer(settings).run()
    export_run(settings, folder)
    return folder


def _with_adapters(values: Mapping[str, Any], sam3: Path, out: Path) -> Path:
    """Write SAM 3 with fresh adapters, from which an arm without stage 1 starts."""
    folder = out / "fresh"
    torch.manual_seed(values.get("seed", 0))
    save_folder(
        add_adapters(sam3, read_adapter_config(values.get("adapters", "released"))), folder, like=sam3
    )
    return folder


def figures(folder: Path, routes: Iterable[RouteName | None], samples: Sequence[Sample]) -> list[float]:
    """Score an export on both levels: FIGURES of each in per cent, NaN for those of no sample.

    route None: SAM 3 without adapters.
    """
    found = []
    for level, route in zip(LEVELS, routes, strict=True):
        options = {"backend": "sam3"} if route is None else {"backend": "sam3i", "route": route}
        segmenter = load(str(folder), device="cpu", threads=1, **options)
        of_level = [sample for sample in samples if sample.labels.get("level") == level]
        metrics = evaluate(segmenter, of_level, worst=0).metrics
        values = [getattr(metrics, name) for name in FIGURES]
        found += [math.nan if value is None else 100 * value for value in values]
    return found


def row(name: str, runs: Sequence[Sequence[float]]) -> str:
    """Write a line of the table: means over the seeds and, with several, the lowest and the highest."""
    cells = []
    for values in zip(*runs, strict=True):
        spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.1f}{spread}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="training file of SAM3-I")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings in place of the file's")
    parser.add_argument("--sam3", type=Path, required=True, metavar="DIR", help="weights of SAM 3")
    parser.add_argument("--arms", nargs="+", choices=tuple(ARMS), default=list(ARMS), metavar="ARM")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--views", type=positive_int, default=40, help="held-out views, at most 200")
    parser.add_argument("--out", type=Path, default=Path("runs/sam3i_ablation"))
    args = parser.parse_intermixed_args()
    folder = DATA / "testset"
    held_out = protocol("inst2seg").samples(
        {"annotations": str(folder / "annotations.json"), "images": str(folder)}, BrokenRecords()
    )
    samples = list(scattered(list(held_out), args.views))
    print("| stages | simple gIoU | simple AP50 | complex gIoU | complex AP50 |\n|---|---|---|---|---|")
    print(row("none (SAM 3)", [figures(args.sam3, (None, None), samples)]), flush=True)
    for name in args.arms:
        runs = []
        for seed in args.seeds:
            values = {**load_mapping(args.file, args.overrides), "seed": seed}
            export = trained(name, values, args.sam3, args.out / str(seed))
            runs.append(figures(export, ARMS[name].routes, samples))
        print(row(name, runs), flush=True)


if __name__ == "__main__":
    run(main)
