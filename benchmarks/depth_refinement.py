"""Accuracy on rendered views with and without masks refined by depth, which has a sensor's noise and holes.

    instructsam scenes render 60 runs/scenes/heldout --heldout
    python -m benchmarks.depth_refinement runs/scenes/heldout

AP50 is over all instructions, gIoU over those with a target. ``python -m benchmarks.real_pictures --rgbd RGBD
--camera FILE`` measures the same on pictures of a real camera.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import instructsam_ros
from benchmarks.command import run
from benchmarks.real_pictures import figures
from instructsam_ros.lifting import RefinementSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import scenes
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.evaluation.report import INTERVALS, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("views", type=Path, help="folder of rendered views")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    samples = list(scenes.read(scenes.Settings(args.views), BrokenRecords()))
    segmenter = instructsam_ros.load(args.model, device=args.device)
    rows = [
        (name, figures(evaluate(segmenter, samples, worst=0, refinement=refinement).scores))
        for name, refinement in (("without", None), ("with", RefinementSettings()))
    ]
    print(f"Per cent, {INTERVALS}; gIoU over instructions with a target.\n")
    print(table("", rows, ("instructions", "ap50", "mean_ap", "giou")))


if __name__ == "__main__":
    run(main)
