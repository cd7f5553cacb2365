"""Time of lifting per instance on one core, against two simpler implementations.

    python -m benchmarks.lifting

Processor time, which other load on the machine hardly affects. A noisy 640x480 depth image of a table with
one object of three sizes, a fork, and eight objects at once; the support plane is fitted too.
"whole image" runs the same code without crops; "pixel loop" back-projects, filters and trims the
mask's pixels one by one in Python, and computes only a box along the camera's axes.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.command import positive_int, run
from instructsam_ros.lifting import fit_plane, lift, pixel_rays, refine_with_depth, scene_points
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box

CAMERA = CameraModel(640, 480, 610.0, 610.0, 320.0, 240.0)
UP = np.array([0.0, -0.7071, -0.7071])
AHEAD = np.array([0.0, -0.7071, 0.7071])
NOISE = 0.001


def table_with(outlines: list[tuple[NDArray[np.int32], float]]) -> tuple[Frame, Segmentation]:
    """Build a frame with prisms on a table, from the outline in pixels and height in metres of each."""
    rays = np.concatenate([pixel_rays(CAMERA), np.ones((480, 640, 1), np.float32)], axis=-1)
    offset = float(UP @ (0.0, 0.0, 0.8))
    depth = offset / (rays @ UP)
    masks = []
    for outline, height in outlines:
        mask = cv2.fillPoly(np.zeros((480, 640), np.uint8), [outline], 1).astype(bool)
        foot = np.argwhere(mask)[-1]
        wall = float(AHEAD @ (rays[tuple(foot)] * depth[tuple(foot)])) / (rays @ AHEAD)
        top = (offset + height) / (rays @ UP)
        depth[mask] = np.maximum(top, wall)[mask]
        masks.append(mask)
    depth += np.random.default_rng(0).normal(0, NOISE, depth.shape)
    instances = tuple(Instance(mask, tight_box(mask), 0.9, "thing") for mask in masks)
    frame = Frame(np.full((480, 640, 3), 128, np.uint8), depth.astype(np.float32), CAMERA)
    return frame, Segmentation(instances, "", Status.OK)


def rectangle(x: int, y: int, width: int, height: int) -> NDArray[np.int32]:
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], np.int32)


def whole_image(frame: Frame, segmentation: Segmentation) -> None:
    everywhere = np.array([0, 0, 640, 480], np.float32)
    instances = tuple(replace(instance, box=everywhere) for instance in segmentation.instances)
    lift(frame, replace(segmentation, instances=instances))


def pixel_loop(frame: Frame, segmentation: Segmentation) -> None:
    if frame.depth is None:
        raise ValueError("the frame has no depth")
    for instance in segmentation.instances:
        points = []
        for v, u in np.argwhere(instance.mask):
            around = slice(max(v - 2, 0), v + 3), slice(max(u - 2, 0), u + 3)
            z = frame.depth[v, u]
            if instance.mask[around].all() and np.nanmax(np.abs(frame.depth[around] - z)) < 0.1 * z:
                points.append(((u - CAMERA.cx) / CAMERA.fx * z, (v - CAMERA.cy) / CAMERA.fy * z, z))
        cloud = np.array(points or [(0, 0, 0)])
        middle, spread = np.median(cloud, 0), 3 * cloud.std(0)
        kept = cloud[(np.abs(cloud - middle) <= spread).all(1)]
        np.ptp(kept if len(kept) else cloud, axis=0)


def milliseconds(task: Callable[[], object], runs: int) -> float:
    task()
    times = []
    for _ in range(runs):
        started = time.thread_time()
        task()
        times.append(time.thread_time() - started)
    return 1000 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=positive_int, default=15)
    runs = parser.parse_args().runs
    cv2.setNumThreads(1)
    grid = [(rectangle(60 + 140 * (i % 4), 120 + 160 * (i // 4), 80, 100), 0.06) for i in range(8)]
    cases = {
        "small, 60x60": [(rectangle(290, 210, 60, 60), 0.05)],
        "medium, 150x150": [(rectangle(240, 160, 150, 150), 0.1)],
        "large, 400x300": [(rectangle(120, 90, 400, 300), 0.2)],
        "fork, 8x200": [(rectangle(300, 140, 8, 200), 0.004)],
        "eight, 80x100 each": grid,
    }
    print(f"{platform.processor() or platform.machine()}, one thread, median of {runs} runs, ms per instance")
    print(f"{'case':20}{'ours':>8}{'whole image':>13}{'ratio':>7}{'pixel loop':>12}{'ratio':>7}")
    for name, outlines in cases.items():
        frame, segmentation = table_with(outlines)
        count = len(outlines)
        ours = milliseconds(partial(lift, frame, segmentation), runs) / count
        whole = milliseconds(partial(whole_image, frame, segmentation), runs) / count
        loop = milliseconds(partial(pixel_loop, frame, segmentation), 1) / count
        print(f"{name:20}{ours:8.1f}{whole:13.1f}{whole / ours:7.1f}{loop:12.0f}{loop / ours:7.0f}")
    frame, segmentation = table_with(grid)
    scene = milliseconds(partial(scene_points, frame, segmentation), runs)
    refinement = milliseconds(partial(refine_with_depth, frame, segmentation), runs)
    sample = scene_points(frame, segmentation)[0][::60]
    plane = milliseconds(partial(fit_plane, sample, tolerance=0.01, minimum_ratio=0.1), runs)
    print(f"support plane (included), once per frame: {plane:.1f} ms")
    print(f"refinement of all eight masks with depth, its own plane included: {refinement:.1f} ms")
    print(f"scene cloud without targets: {scene:.1f} ms")


if __name__ == "__main__":
    run(main)
