"""The shipped model on a stream: images per second with a new and with a standing instruction.

    python benchmarks/compact_stream.py --threads 2

Each ratio compares with the first row, in the same run, on the same pictures.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch

import instructsam_ros
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.types import Segmentation

INSTRUCTIONS = ("all the mugs", "the largest bowl", "something to drink from", "the red mug on the left")


def frames_per_second(answer: Callable[[int], object], frames: int) -> float:
    """Median rate of ``answer(frame number)`` after a warm-up."""
    seconds = []
    for number in range(frames + 5):
        start = time.perf_counter()
        answer(number)
        seconds.append(time.perf_counter() - start)
    return 1 / statistics.median(seconds[5:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pictures = [load_view(path, depth=False).rgb for path in view_paths(DATA / "scenes")]
    picture = list(itertools.islice(itertools.cycle(pictures), args.frames + 5))
    plain = instructsam_ros.load(args.model, dtype="float32")
    model = instructsam_ros.load(args.model)
    last: Segmentation | None = None

    def standing(number: int) -> None:
        nonlocal last
        last = model.segment(model.encode(picture[number]), INSTRUCTIONS[0], previous=last)

    features = model.encode(picture[0])
    rows = {
        "float32, a new instruction on every frame": lambda n: plain.segment_image(
            picture[n], INSTRUCTIONS[n % 4]
        ),
        "a new instruction on every frame": lambda n: model.segment_image(picture[n], INSTRUCTIONS[n % 4]),
        "a standing instruction": standing,
        "further instructions on one frame": lambda n: model.segment(features, INSTRUCTIONS[n % 4]),
    }
    print(f"{args.model}, {args.threads} threads, 640x480, {args.frames} frames")
    first = 0.0
    for name, answer in rows.items():
        rate = frames_per_second(answer, args.frames)
        first = first or rate
        print(f"{name:45s} {rate:6.1f} /s   {rate / first:4.2f}x")


if __name__ == "__main__":
    main()
