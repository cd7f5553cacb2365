"""Latency of an exported model in ONNX Runtime and of the same model in torch.

    python -m benchmarks.onnx_runtime [MODEL] [--threads N] [--device cpu|cuda|tensorrt]

Exports MODEL (default: compact) to a temporary folder, then measures both in alternation, so that other load
on the machine affects both equally: the image encoder, the detector with 1, 3 and 8 phrases of 6 tokens, and
a whole frame of a stream with an active instruction. Both compute in float32; "torch, auto" is the whole
frame with the torch backend's default settings. Median of RUNS, after a warm-up; processor time on one CPU
thread, which other load hardly affects, and wall time otherwise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import positive_int, run
from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.backends.instructsam import load as load_instructsam
from instructsam_ros.backends.onnx import load as load_onnx
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.instructsam.onnx_export import export
from instructsam_ros.segmenter import Segmenter, load

RUNS = 25
PHRASES = (1, 3, 8)
PHRASE_TOKENS = 6
INSTRUCTION = "the red mug left of the bowl"


def encoder_task(segmenter: InstructSamSegmenter, rgb: np.ndarray) -> Callable[[], object]:
    encoder = segmenter.model.image_encoder
    return partial(encoder, encoder.preprocess(rgb).to(segmenter.device, torch.float32))


def detector_task(segmenter: InstructSamSegmenter, rgb: np.ndarray, phrases: int) -> Callable[[], object]:
    config, device, encoder = segmenter.model.config, segmenter.device, segmenter.model.image_encoder
    generator = torch.Generator().manual_seed(phrases)
    return partial(
        segmenter.model.detector,
        segmenter.model.encode_image(encoder.preprocess(rgb).to(device, torch.float32)),
        torch.randn(phrases, PHRASE_TOKENS, config.out_dim, generator=generator).to(device),
        torch.ones(phrases, PHRASE_TOKENS, dtype=torch.bool, device=device),
        torch.randn(phrases, config.num_queries, config.out_dim, generator=generator).to(device),
    )


def frame_task(segmenter: Segmenter, rgb: np.ndarray) -> Callable[[], object]:
    previous = segmenter.segment_image(rgb, INSTRUCTION)
    return lambda: segmenter.segment(segmenter.encode(rgb), INSTRUCTION, previous=previous)


def medians(
    tasks: list[Callable[[], object]], wait: Callable[[], None], clock: Callable[[], float]
) -> list[float]:
    """Measure the median milliseconds of each task, in alternation. wait: waits for the device."""
    times: list[list[float]] = [[] for _ in tasks]
    for turn in range(RUNS + 2):
        for task, seconds in zip(tasks, times, strict=True):
            start = clock()
            task()
            wait()
            if turn >= 2:
                seconds.append(clock() - start)
    return [1000 * statistics.median(seconds) for seconds in times]


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", nargs="?", default="compact")
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "tensorrt"])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = checkpoint_folder(args.model)
    torch_device = "cpu" if args.device == "cpu" else "cuda"
    wait = torch.cuda.synchronize if torch_device == "cuda" else (lambda: None)
    clock = time.process_time if (args.device, args.threads) == ("cpu", 1) else time.perf_counter
    rgb = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as out:
        export(folder, Path(out))
        plain = load_instructsam(str(folder), torch_device, dtype="float32")
        default = load(str(folder), device=torch_device)
        graphs = load_onnx(out, args.device, dtype="float32", threads=args.threads)
    rows = {"image encoder": [encoder_task(segmenter, rgb) for segmenter in (plain, graphs)]}
    for count in PHRASES:
        name = f"detector, {count} phrase{'s' * (count > 1)}"
        rows[name] = [detector_task(segmenter, rgb, count) for segmenter in (plain, graphs)]
    rows["whole frame"] = [frame_task(segmenter, rgb) for segmenter in (plain, graphs, default)]

    print(f"{args.device}, {args.threads} threads, 640x480, milliseconds, median of {RUNS} runs")
    answer = graphs.segment_image(rgb, INSTRUCTION).answer
    print(f"clock: {clock.__name__}; answer of the whole frame: {answer!r}")
    print(f"{'':22}{'torch':>8}{'ONNX':>8}{'ratio':>7}{'torch, auto':>13}{'ratio':>7}")
    for name, tasks in rows.items():
        ours, onnx, *auto = medians(tasks, wait, clock)
        extra = "".join(f"{value:13.1f}{value / onnx:7.2f}" for value in auto)
        print(f"{name:22}{ours:8.1f}{onnx:8.1f}{ours / onnx:7.2f}{extra}")


if __name__ == "__main__":
    run(main)
