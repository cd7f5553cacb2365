"""IoU of masks after one and more clicks, on the objects of a test set.

    python -m benchmarks.clicks

Clicks are simulated as usual (Sofiiuk et al., RITM, arXiv 2102.06583): the first one is on the pixel of the
object that is farthest from its border, each further one on that of the largest error, with label 1 where the
mask lacks object and 0 where it has too much. Objects that several instructions mean count once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import instructsam_ros
from benchmarks.command import positive_int, run
from benchmarks.real_pictures import samples_of
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.paths import DATA
from instructsam_ros.segmenter import PromptSegmenter
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.types import mask_iou

SMALL = 32**2
"""Pixels up to which COCO calls an object small."""


def deepest_pixel(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], float]:
    """Return the pixel, x y, of a bool [H, W] mask that is farthest from its border, and how far, in pixels.

    The frame of the image is a border.
    """
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[
        1:-1, 1:-1
    ]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return (int(column), int(row)), float(depth.max())


def next_click(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> tuple[tuple[int, int], int]:
    """Return the pixel, x y, in the middle of the largest error, and its label: 1 on the object, 0 not on it.

    Without an error it is on the object.
    """
    lacking, extra = (deepest_pixel(error) for error in (truth & ~found, found & ~truth))
    if max(lacking[1], extra[1]) == 0:
        return deepest_pixel(truth)[0], 1
    return (lacking[0], 1) if lacking[1] >= extra[1] else (extra[0], 0)


def ious_after_clicks(
    segmenter: PromptSegmenter, features: Any, truth: NDArray[np.bool_], clicks: int
) -> list[float]:
    """Click on an object, bool [H, W], so often; return the IoU after each click, 0..1."""
    found = np.zeros_like(truth)
    points: list[tuple[int, int]] = []
    labels: list[int] = []
    ious = []
    for _ in range(clicks):
        point, label = next_click(truth, found)
        points.append(point)
        labels.append(label)
        instances = segmenter.segment_prompts(features, points, labels).instances
        found = instances[0].mask if instances else np.zeros_like(truth)
        ious.append(mask_iou(found, truth))
    return ious


def objects_of(samples: Sequence[Sample]) -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]]:
    """Yield every image once, with the masks bool [H, W] of its objects, each once."""
    by_image: dict[str, list[Sample]] = {}
    for sample in samples:
        by_image.setdefault(sample.image, []).append(sample)
    for group in by_image.values():
        masks = {mask.tobytes(): mask for sample in group if sample.phrases for mask in sample.masks()}
        yield group[0].read(), list(masks.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--annotations", type=Path, default=DATA / "testset" / "annotations.json")
    parser.add_argument("--images", type=Path, default=DATA / "testset")
    parser.add_argument("--clicks", type=positive_int, default=3)
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    segmenter = instructsam_ros.load(args.model, device="cpu", threads=args.threads)
    if not isinstance(segmenter, PromptSegmenter):
        raise InvalidInputError(f"{segmenter.name} takes no clicks")
    rows, areas = [], []
    for rgb, masks in tqdm(objects_of(samples_of(args.annotations, args.images)), unit="image"):
        features = segmenter.encode(rgb)
        rows += [ious_after_clicks(segmenter, features, mask, args.clicks) for mask in masks]
        areas += [int(mask.sum()) for mask in masks]
    print(report(np.array(rows), np.array(areas)))


def report(ious: NDArray[np.float64], areas: NDArray[np.int_]) -> str:
    """Tabulate IoU [n, clicks] of objects of so many pixels [n]."""
    lines = [f"{'objects':>28}{'clicks':>8}{'mean IoU':>10}{'IoU > 0.5':>11}{'IoU > 0.8':>11}"]
    groups = {"all": areas >= 0, f"up to {SMALL} pixels": areas <= SMALL, "larger": areas > SMALL}
    for name, chosen in groups.items():
        for click, values in enumerate(ious[chosen].T, 1):
            shares = "".join(f"{100 * np.mean(values > limit):10.1f}%" for limit in (0.5, 0.8))
            mean = 100 * np.mean(values)
            lines.append(f"{f'{name} ({chosen.sum()})':>28}{click:>8}{mean:>10.1f}{shares}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
