"""Agreement of the options that change results with the exact model, on rendered video clips.

    python -m benchmarks.speed_options --clips 2 --frames 12

Every option runs the same active instructions on the same frames as the exact model; the instructions have a
target in the first frame. Agreement is the IoU of the union of all masks with that of the exact model, 1 if
both are empty.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import instructsam_ros
from benchmarks.command import positive_int, run
from benchmarks.union_iou import union_mask
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.scenes.rendering.video import render_sequence
from instructsam_ros.types import Segmentation, mask_iou

OPTIONS = {
    "exact": {},
    "reuse_frames 3": {"reuse_frames": 3},
    "reuse_frames 5": {"reuse_frames": 5},
}
WARM_UP = 2
INSTRUCTIONS = 4
"""Per clip."""


def answerable(view: View) -> list[str]:
    """Sample instructions that have a target in the view."""
    candidates = instructions(view.meta, np.random.default_rng(0), 4 * INSTRUCTIONS, split="heldout")
    return [item.text for item in candidates if item.targets][:INSTRUCTIONS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--clips", type=positive_int, default=2)
    parser.add_argument("--frames", type=positive_int, default=12)
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clips = [list(render_sequence("heldout", number, args.frames)) for number in range(args.clips)]
    models = {
        name: instructsam_ros.load(args.model, speed_options=options) for name, options in OPTIONS.items()
    }
    agreement: dict[str, list[float]] = {name: [] for name in models}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():  # packs weights, which is not measured
        for _ in range(WARM_UP):
            model.segment_image(clips[0][0].rgb, "all the mugs")
    for clip in clips:
        for instruction in answerable(clip[0]):
            previous: dict[str, Segmentation | None] = dict.fromkeys(models)
            for rgb in (view.rgb for view in clip):
                masks = {}
                for name, model in models.items():
                    start = time.process_time()
                    result = model.segment(model.encode(rgb), instruction, previous=previous[name])
                    seconds[name].append(time.process_time() - start)
                    previous[name], masks[name] = result, union_mask(result, rgb.shape[:2])
                for name, mask in masks.items():
                    agreement[name].append(mask_iou(mask, masks["exact"], empty=1.0))
    answers = len(agreement["exact"])
    if not answers:
        raise InvalidInputError("no instruction about these clips has a target; use more --clips")
    print(f"{args.model}: {args.clips} clips, {answers} answers, {args.threads} thread(s)")
    for name, values in agreement.items():
        below = sum(value < 0.9 for value in values)
        cost = 1000 * float(np.median(seconds[name]))
        mean = 1000 * float(np.mean(seconds[name]))
        print(f"{name:16s} mean IoU with exact {np.mean(values):.3f}, below 0.9 in {below:3d};", end=" ")
        print(f"processor ms median {cost:.1f}, mean {mean:.1f}")


if __name__ == "__main__":
    run(main)
