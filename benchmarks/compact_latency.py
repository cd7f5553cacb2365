"""The shipped model on a stream: images per second with a new and with a standing instruction.

    python -m benchmarks.compact_latency --threads 2

Each ratio compares with the first row; they take turns at every frame. The plain rows do with this
model's parts what the released evaluation does with its own: for every instruction the image, the whole
prompt, one token per pass, phrases padded to 32 tokens, and all ten masks at the size of the picture; and
with weights and memory as torch has them, each in a process of its own.
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
"""Input sizes that the model was trained at besides its own."""
WARM_UP = 5


def rates(ways: Mapping[str, Callable[[int], object]], frames: int) -> dict[str, float]:
    """Median frames per second of every way to answer a frame, by its number, after a warm-up.

    They take turns at every frame, so that what else happens on the machine meets all alike. Each answers
    twice, and the second time counts: before, the processor's caches hold what another way left there.
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
    """The number of instances that are found the plain way."""
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


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """So many of the sample scenes, again and again."""
    some = [load_view(path, depth=False).rgb for path in view_paths(DATA / "scenes")]
    return list(itertools.islice(itertools.cycle(some), count))


def serve_plain(model: str, dtype: torch.dtype, threads: int, count: int, connection: Connection) -> None:
    """In a process of its own: answer about frames by their numbers, the plain way, until there are none."""
    torch.set_num_threads(threads)
    folder = checkpoint_folder(model)
    prompts = PromptTokenizer.from_folder(folder, InstructSamConfig.from_folder(folder))
    segmenter, frames = InstructSamSegmenter(load_folder(folder, dtype), prompts), pictures(count)
    connection.send(None)
    while (number := connection.recv()) is not None:
        connection.send(plain(segmenter, frames[number], INSTRUCTIONS[number % 4]))


@contextmanager
def plain_process(
    model: str, dtype: torch.dtype, threads: int, count: int
) -> Iterator[Callable[[int], object]]:
    """``plain`` by the number of a frame."""
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
        measured = rates(plainly | ours(args.model, model, pictures(count)), args.frames)
    precision = str(dtype).removeprefix("torch.")
    print(f"{args.model} in {precision}, {args.threads} threads, 640x480, {args.frames} frames")
    for name, rate in measured.items():
        print(f"{name:45s} {rate:6.1f} /s   {rate / measured['plain, float32']:4.2f}x")


def ours(
    name: str, model: InstructSamSegmenter, frames: Sequence[NDArray[np.uint8]]
) -> dict[str, Callable[[int], object]]:
    """This package's ways to answer about a frame, by its number."""

    def standing(segmenter: InstructSamSegmenter) -> Callable[[int], None]:
        last: dict[str, Segmentation] = {}  # every instruction stands; a ratio compares the same ones

        def answer(number: int) -> None:
            said = INSTRUCTIONS[number % 4]
            last[said] = segmenter.segment(segmenter.encode(frames[number]), said, previous=last.get(said))

        return answer

    def fresh(segmenter: InstructSamSegmenter) -> Callable[[int], object]:
        return lambda number: segmenter.segment_image(frames[number], INSTRUCTIONS[number % 4])

    ways = {"": model}
    for width, height in SMALLER:
        ways[f"{width}x{height}, "] = load(name, "cpu", approximations={"pyramid_size": [width, height]})
    features = model.encode(frames[0])
    return {
        "further instructions on one frame": lambda n: model.segment(features, INSTRUCTIONS[n % 4]),
        **{f"{way}a new instruction on every frame": fresh(segmenter) for way, segmenter in ways.items()},
        **{f"{way}a standing instruction": standing(segmenter) for way, segmenter in ways.items()},
    }


if __name__ == "__main__":
    run(main)
