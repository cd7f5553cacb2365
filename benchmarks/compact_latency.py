"""Frame rate of the compact model on a stream, with a new instruction per frame and with active ones.

    python -m benchmarks.compact_latency --threads 2

Ratios are to the first row; all rows alternate at every frame. The plain rows follow the procedure of the
released evaluation with this model: for every instruction the image, the whole prompt, one token per pass,
phrases padded to 32 tokens, and all ten masks at the size of the image; with torch's default memory settings
and without packed weights, each in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmarks.command import positive_int, run
from instructsam_ros.backends.instructsam import InstructSamSegmenter, load
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.processing import (
    MAX_PHRASE_TOKENS,
    PromptTokenizer,
    embedded_ids,
    pad_phrases,
)
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.types import Segmentation

INSTRUCTIONS = ("all the mugs", "the largest bowl", "something to drink from", "the red mug on the left")
SMALLER = ((320, 256), (256, 192))
"""Further input sizes that the model was trained at."""
WARM_UP = 5


def rates(ways: Mapping[str, Callable[[int], object]], frames: int) -> dict[str, float]:
    """Measure the median frames per second of every way to answer a frame number, after a warm-up.

    They alternate at every frame, so that other load on the machine affects all equally. Each answers twice,
    and the second time is measured, with its own data in the processor's caches.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(frames + WARM_UP):
        for name, answer in ways.items():
            answer(number)
            start = time.perf_counter()
            answer(number)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1 / statistics.median(taken[WARM_UP:]) for name, taken in seconds.items()}


@torch.inference_mode()
def plain(segmenter: InstructSamSegmenter, rgb: NDArray[np.uint8], instruction: str) -> int:
    """Count the instances that the plain procedure finds."""
    model, prompts = segmenter.model, segmenter.prompts
    inputs = model.image_encoder.preprocess(rgb).to(segmenter.device, model.mask_queries.dtype)
    features = model.encode_image(inputs)
    ids = [*prompts.image_ids(features.tokens.shape[1]), *prompts.instruction_ids(instruction)]
    phrases, queries = model.generated_phrases(model.generate(features, ids))
    embedded = [embedded_ids(phrase, model.config.mode.phrase_markers) for phrase in phrases]
    padded, mask = pad_phrases(embedded, segmenter.device, MAX_PHRASE_TOKENS)
    embeds = model.text_hidden_fcs(model.language.embed(padded))
    output = model.detector(features, embeds, mask, model.mask_hidden_fcs(queries))
    resized = (
        F.interpolate(logits[None, None].float(), size=rgb.shape[:2], mode="bilinear")
        for logits in output.mask_logits.flatten(0, 1)
    )
    masks = [(logits[0, 0] > 0).numpy() for logits in resized]
    kept = (output.score_logits.sigmoid() > model.config.score_threshold).flatten().tolist()
    return sum(k and bool(m.any()) for k, m in zip(kept, masks, strict=True))


def images(count: int) -> list[NDArray[np.uint8]]:
    """Return ``count`` images of the sample scenes, repeated in order."""
    some = [load_view(path, depth=False).rgb for path in view_paths(DATA / "scenes")]
    return list(itertools.islice(itertools.cycle(some), count))


def serve_plain(model: str, dtype: torch.dtype, threads: int, count: int, connection: Connection) -> None:
    """Run ``plain`` on the frame numbers received, until None, in a process of its own."""
    torch.set_num_threads(threads)
    folder = checkpoint_folder(model)
    prompts = PromptTokenizer.from_folder(folder, InstructSamConfig.from_folder(folder))
    segmenter, frames = InstructSamSegmenter(load_folder(folder, dtype), prompts), images(count)
    connection.send(None)
    while (number := connection.recv()) is not None:
        connection.send(plain(segmenter, frames[number], INSTRUCTIONS[number % 4]))


@contextmanager
def plain_process(
    model: str, dtype: torch.dtype, threads: int, count: int
) -> Iterator[Callable[[int], object]]:
    """Start a process for ``plain``; yields a function of the frame number."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_plain, args=(model, dtype, threads, count, theirs), daemon=True)
    with mock.patch.dict(os.environ, THP_MEM_ALLOC_ENABLE="0"):
        process.start()
    theirs.close()
    ours.recv()

    def answer(number: int) -> object:
        ours.send(number)
        return ours.recv()

    try:
        yield answer
    finally:
        ours.send(None)
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--frames", type=positive_int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    count = args.frames + WARM_UP
    model = load(args.model, "cpu")
    dtype = model.model.mask_queries.dtype
    with ExitStack() as stack:
        plainly = {
            name: stack.enter_context(plain_process(args.model, precision, args.threads, count))
            for name, precision in {"plain, float32": torch.float32, "plain": dtype}.items()
        }
        measured = rates(plainly | ours(args.model, model, images(count)), args.frames)
    precision = str(dtype).removeprefix("torch.")
    print(f"{args.model} in {precision}, {args.threads} threads, 640x480, {args.frames} frames")
    for name, rate in measured.items():
        print(f"{name:45s} {rate:6.1f} /s   {rate / measured['plain, float32']:4.2f}x")


def ours(
    name: str, model: InstructSamSegmenter, frames: Sequence[NDArray[np.uint8]]
) -> dict[str, Callable[[int], object]]:
    """Return this package's ways to answer a frame number, by name."""

    def active(segmenter: InstructSamSegmenter) -> Callable[[int], None]:
        last: dict[str, Segmentation] = {}  # by instruction: all are active, as in the other rows

        def answer(number: int) -> None:
            text = INSTRUCTIONS[number % 4]
            last[text] = segmenter.segment(segmenter.encode(frames[number]), text, previous=last.get(text))

        return answer

    def fresh(segmenter: InstructSamSegmenter) -> Callable[[int], object]:
        return lambda number: segmenter.segment_image(frames[number], INSTRUCTIONS[number % 4])

    ways = {"": model}
    for width, height in SMALLER:
        ways[f"{width}x{height}, "] = load(name, "cpu", speed_options={"pyramid_size": [width, height]})
    features = model.encode(frames[0])
    return {
        "further instructions on one frame": lambda n: model.segment(features, INSTRUCTIONS[n % 4]),
        **{f"{way}a new instruction on every frame": fresh(segmenter) for way, segmenter in ways.items()},
        **{f"{way}an active instruction": active(segmenter) for way, segmenter in ways.items()},
    }


if __name__ == "__main__":
    run(main)
