"""Plain procedure against shared and confirmed work, side by side, with equal results.

plain_procedure.py restates what the published evaluation does for every instruction. This package
encodes an image once for all instructions, keeps the language model's state behind the image, checks a
previous or guessed answer in one pass instead of writing it, packs weights, and leaves out what nothing
reads. Weights are random, so the model is made to give a fixed answer. The first row runs in a process of its
own, with torch's settings as they come; all others use huge pages, as importing the model does.

    python benchmarks/instructsam_speed.py                      # tiny, any machine
    python benchmarks/instructsam_speed.py --size 2b --dtype bfloat16 --threads 2 --repeats 1
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from plain_procedure import PlainProcedure
from stopwatch import Stopwatch
from torch import Tensor

from instructsam_ros.models.instructsam.approximations import with_sam_size
from instructsam_ros.models.instructsam.checkpoint import build_model, expected_tensors
from instructsam_ros.models.instructsam.config import InstructSamConfig
from instructsam_ros.models.instructsam.decode import Answer, Prefix
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.int8 import quantise
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.models.instructsam.packed import pack
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs
from instructsam_ros.paths import share
from instructsam_ros.settings import build

PHRASES = ((1001, 1002), (1003, 1004, 1005))  # any words; --phrases takes the first ones
QUESTION = tuple(range(2000, 2012))
MASK_DISAGREEMENT = 1e-3  # share of pixels in float32, from rounding in another order
PLAIN = "plain, every instruction"
RGB = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
Result = tuple[Answer, DetectorOutput]


class Bench:
    """This package's ways to answer, with a model that gives one fixed answer about any image."""

    def __init__(self, model: InstructSam, phrases: int) -> None:
        self.model = model
        tokens = model.config.tokens
        ids = [token for p in PHRASES[:phrases] for token in (tokens.ref_start, *p, tokens.ref_end, 11)]
        self.answer_ids = [*ids[:-1], tokens.eos[0]]

    def image_ids(self, features: ImageFeatures) -> list[int]:
        tokens = self.model.config.tokens
        image = [tokens.image] * features.tokens.shape[1]
        return [100, 101, 102, tokens.vision_start, *image, tokens.vision_end]

    def prompt(self, features: ImageFeatures) -> list[int]:
        return [*self.image_ids(features), *QUESTION]

    def choose(self, step: int, logits: Tensor) -> int:
        """The next word of the fixed answer, after the work of finding one."""
        int(logits.argmax())
        return self.answer_ids[step]

    def features(self, watch: Stopwatch) -> ImageFeatures:
        encoder, weights = self.model.image_encoder, self.model.mask_queries
        inputs = encoder.preprocess(RGB).to(weights.device, weights.dtype)
        if not isinstance(inputs, TwoTowerInputs):
            raise TypeError("this benchmark measures models with two towers")
        with watch("image tower"):
            tokens, grid, deepstack = encoder.language_features(inputs)
        with watch("SAM 3 encoder"):
            fpn, position = encoder.pyramid(inputs.pixels)
        features = ImageFeatures(tokens, grid, deepstack, fpn, position)
        with watch("detector"):
            return self.model.detector.prepare(features)

    def encode(self, watch: Stopwatch) -> tuple[ImageFeatures, Prefix]:
        features = self.features(watch)
        with watch("prompt"):
            return features, self.model.prefix(features, self.image_ids(features))

    def reuse(self, answer: Answer, watch: Stopwatch) -> Result:
        """A frame that takes over the queries of an earlier one."""
        features = self.features(watch)
        with watch("detector"):
            return answer, self.model.segment_phrases(features, *self.model.answered_phrases(answer))

    def segment(
        self, features: ImageFeatures, prefix: Prefix, watch: Stopwatch, previous: list[int]
    ) -> Result:
        with watch("answer"):
            ids = self.prompt(features)
            answer = self.model.answer(
                features, ids, prefix=prefix, previous_ids=previous, choose=self.choose
            )
        with watch("detector"):
            return answer, self.model.segment_phrases(features, *self.model.answered_phrases(answer))


def random_tensors(config: InstructSamConfig, dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights of a scale that keeps activations finite; norms start at one."""
    block = torch.randn(2**20 + 7, generator=torch.Generator().manual_seed(0)).mul_(0.03).to(dtype)

    def weight(name: str, shape: tuple[int, ...]) -> Tensor:
        count = math.prod(shape)  # repeating one block is quicker than drawing three billion numbers
        noise = block.repeat(-(-count // len(block)))[:count].view(shape)
        return noise + 1 if len(shape) == 1 and name.endswith("weight") else noise

    required, _ = expected_tensors(config)
    return {name: weight(name, shape) for name, shape in required.items()}


def load_config(size: str) -> InstructSamConfig:
    data = yaml.safe_load(share("config", "models", "2b.yaml").read_text())
    if size == "tiny":
        tiny = yaml.safe_load(Path(__file__).with_name("tiny_model.yaml").read_text())
        data |= {**tiny, **{part: {**data[part], **tiny[part]} for part in ("language", "vision")}}
    return build(InstructSamConfig, data, size)


def share_packed(full: InstructSam, smaller: InstructSam) -> None:
    """Give a model for smaller SAM 3 inputs the packed weights of the full one, and pack what is its own."""
    smaller.language, smaller.detector = full.language, full.detector
    smaller.image_encoder.vision_tower = full.image_encoder.vision_tower
    pack(smaller)


def disagreement(plain: Result, ours: Result) -> float:
    """Share of mask pixels that differ; ends the run if the answers do."""
    if plain[0].ids != ours[0].ids:
        raise SystemExit("the answers differ; do not trust the times")
    return ((plain[1].mask_logits > 0) != (ours[1].mask_logits > 0)).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", choices=["tiny", "2b"], default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--phrases", type=int, choices=[1, 2], default=1)
    parser.add_argument("--stock", metavar="FILE", help="only the plain procedure; write its times to FILE")
    args = parser.parse_args()
    if args.stock:
        rows = [vars(watch) for watch in measure(args)[PLAIN]]
        Path(args.stock).write_text(json.dumps(rows))
        return
    print(f"{args.size}, {args.dtype}, {args.device}, {args.threads} thread(s); 640x480, ", end="")
    print(f"{args.phrases} phrase(s); seconds wall/processors", flush=True)
    watches = stock_process()
    summarise(watches | measure(args))


def measure(args: argparse.Namespace) -> dict[str, list[Stopwatch]]:
    """Every procedure in turn, ``repeats`` times."""
    torch.set_num_threads(args.threads)
    config, dtype = load_config(args.size), getattr(torch, args.dtype)
    tensors = random_tensors(config, dtype)

    def bench(changed: InstructSamConfig) -> Bench:
        return Bench(build_model(changed, tensors, "random weights", dtype, args.device), args.phrases)

    released, full = bench(config), bench(config)
    pack(full.model)
    size = full.model.image_encoder.pixel_tower.config.image_size
    plain = PlainProcedure(released.model, released.prompt, released.choose)
    shared: tuple[ImageFeatures, Prefix] | None = None
    reference: Result | None = None
    watches: dict[str, list[Stopwatch]] = {}

    def stream(one: Bench, watch: Stopwatch) -> Result:
        nonlocal shared
        encoded = one.encode(watch)
        shared = encoded if one is full else shared
        return one.segment(*encoded, watch, one.answer_ids)

    def again(watch: Stopwatch, previous: list[int]) -> Result:
        if shared is None:
            raise RuntimeError("an image is encoded before instructions on it")
        return full.segment(*shared, watch, previous)

    def reuse(watch: Stopwatch) -> Result:
        if reference is None:
            raise RuntimeError("an image is answered before its queries are used again")
        return full.reuse(reference[0], watch)

    procedures: dict[str, Callable[[Stopwatch], Result]] = {"plain, huge pages": lambda w: plain(RGB, w)}
    approximate: dict[str, Callable[[Stopwatch], Result]] = {}
    if args.stock:
        procedures = {PLAIN: lambda watch: plain(RGB, watch)}
    else:
        procedures |= {
            f"standing instruction, {size} px": lambda watch: stream(full, watch),
            "further instruction, image known": lambda watch: again(watch, []),
            "the same, answer known or guessed": lambda watch: again(watch, full.answer_ids),
        }
        for side in (size * 2 // 3, size // 2):
            smaller = bench(with_sam_size(config, side))
            share_packed(full.model, smaller.model)
            approximate[f"standing instruction, {side} px"] = partial(stream, smaller)
        approximate["queries of an earlier frame"] = reuse
        if args.device == "cpu":
            integer = bench(config)
            quantise(integer.model.language.model.layers)
            integer.model.image_encoder, integer.model.detector = (
                full.model.image_encoder,
                full.model.detector,
            )
            approximate["standing instruction, int8"] = partial(stream, integer)
    with torch.inference_mode():
        for _ in range(args.repeats):
            for name, procedure in (procedures | approximate).items():
                watch = Stopwatch()
                result = procedure(watch)
                watches.setdefault(name, []).append(watch)
                reference = reference or result
                report(name, watch)
                if name in approximate:
                    continue
                share_of_pixels = disagreement(reference, result)
                print(f"    mask pixels that differ: {share_of_pixels:.4%}", flush=True)
                if dtype == torch.float32 and share_of_pixels > MASK_DISAGREEMENT:
                    raise SystemExit("the masks differ; do not trust the times")
    return watches


def stock_process() -> dict[str, list[Stopwatch]]:
    """The plain procedure in a process with torch's own settings, as whoever restates it would run it."""
    with tempfile.NamedTemporaryFile("r") as file:
        command = [sys.executable, __file__, *sys.argv[1:], "--stock", file.name]
        subprocess.run(command, check=True, env=os.environ | {"THP_MEM_ALLOC_ENABLE": "0"})
        rows = json.load(file)
    return {PLAIN: [Stopwatch(**row) for row in rows]}


def report(name: str, watch: Stopwatch) -> None:
    stages = ", ".join(f"{stage} {watch.wall[stage]:.3f}/{watch.cpu[stage]:.3f}" for stage in watch.wall)
    print(f"{name}: {stages}", flush=True)


def summarise(watches: dict[str, list[Stopwatch]]) -> None:
    """Medians and how often each goes into the first."""

    def median(name: str, clock: str) -> float:
        return statistics.median(sum(getattr(watch, clock).values()) for watch in watches[name])

    first = next(iter(watches))
    for name in watches:
        wall, cpu = median(name, "wall"), median(name, "cpu")
        ratios = median(first, "wall") / wall, median(first, "cpu") / cpu
        print(f"{name:40s} {wall:9.3f} s {ratios[0]:6.2f}x   processors {cpu:9.3f} s {ratios[1]:6.2f}x")


if __name__ == "__main__":
    main()
