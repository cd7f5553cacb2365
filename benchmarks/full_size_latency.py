"""Latency of InstructSAM at full size: this package against the reference procedure, with equal results.

reference_procedure.py repeats the published evaluation's work for every instruction. This package encodes an
image once for all instructions, keeps the language model's state after the image, verifies a previous or
guessed answer in one pass instead of generating it, packs weights, and omits outputs that no stage reads.
Weights are random, so token selection is overridden with a fixed answer. Every configuration runs in its own
processes, in alternation; the first round of a process is a warm-up.

    python -m benchmarks.full_size_latency                      # tiny, any machine
    python -m benchmarks.full_size_latency --size 2b --dtype bfloat16 --threads 2 --turns 2
    python -m benchmarks.full_size_latency --size 2b --dtype bfloat16 --device cuda --repeats 30
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from benchmarks.command import positive_int, run
from benchmarks.reference_procedure import ReferenceProcedure
from benchmarks.stopwatch import Stopwatch
from instructsam_ros.models.cpu.optimize import optimize_for_cpu
from instructsam_ros.models.instructsam.checkpoint import build_model, expected_tensors
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput, sam3_config
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation, Prefix
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.speed_options import with_sam_size
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs
from instructsam_ros.paths import share
from instructsam_ros.yaml_config import build

PHRASES = ((1001, 1002), (1003, 1004, 1005))  # any tokens; --phrases uses the first ones
QUESTION = tuple(range(2000, 2012))
DISAGREEMENT = 1e-3  # share of the value range, in float32, from another order of rounding
PLAIN, HUGE, EXACT = "plain", "plain, huge pages", "exact"
REFERENCE = f"{PLAIN}, every instruction"
"""Procedure that results and latencies are compared with."""
SMALLER = {"two thirds of the side": 2 / 3, "half the side": 1 / 2}
PARTS = (PLAIN, HUGE, EXACT, *SMALLER)
"""Configurations of the model; SMALLER ones reduce SAM 3's input size."""
ACTIVE, REUSE = "active instruction", "queries of an earlier frame"
RGB = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
Result = tuple[Generation, DetectorOutput]
Procedure = Callable[[Stopwatch], Result]


class Bench:
    """Runs the package's inference paths with a fixed answer for every image."""

    def __init__(self, model: InstructSam, phrases: int) -> None:
        self.model = model
        tokens = model.config.tokens
        ids = [token for p in PHRASES[:phrases] for token in (tokens.ref_start, *p, tokens.ref_end, 11)]
        self.answer_ids: list[int] = [*ids[:-1], tokens.eos[0]]

    def image_ids(self, features: ImageFeatures) -> list[int]:
        tokens = self.model.config.tokens
        image = [tokens.image] * features.tokens.shape[1]
        return [100, 101, 102, tokens.vision_start, *image, tokens.vision_end]

    def prompt(self, features: ImageFeatures) -> list[int]:
        return [*self.image_ids(features), *QUESTION]

    def choose(self, step: int, logits: Tensor) -> int:
        """Return the next token of the fixed answer, after the argmax that greedy decoding would do."""
        int(logits.argmax())
        return self.answer_ids[step]

    def inputs(self) -> TwoTowerInputs:
        encoder = self.model.image_encoder
        inputs = encoder.preprocess(RGB).to(self.model.mask_queries.device, encoder.dtype)
        if not isinstance(inputs, TwoTowerInputs):
            raise TypeError("this benchmark requires a model with two image towers")
        return inputs

    def features(self, watch: Stopwatch) -> ImageFeatures:
        encoder, inputs = self.model.image_encoder, self.inputs()
        with watch("image tower"):
            tokens, grid, deepstack = encoder.language_features(inputs)
        with watch("SAM 3 encoder"):
            fpn, position = encoder.pyramid(inputs.pixels)
        features = ImageFeatures(tokens, grid, deepstack, fpn, position)
        with watch("detector"):
            prepared: ImageFeatures = self.model.detector.prepare(features)
        return prepared

    def encode(self, watch: Stopwatch) -> tuple[ImageFeatures, Prefix]:
        features = self.features(watch)
        with watch("prompt"):
            prefix = self.model.prefix(features, self.image_ids(features))
            if features.tokens.device.type == "cuda":  # on a CPU the answer's first pass computes it
                prefix.state()
        return features, prefix

    def encode_side_by_side(self, watch: Stopwatch) -> tuple[ImageFeatures, Prefix]:
        """Encode with the towers on two CUDA streams, as one stage, since a stopwatch synchronizes."""
        with watch("encode"):
            features = self.model.start_image(self.inputs())
            prefix = self.model.prefix(features, self.image_ids(features))
            prefix.state()
            return self.model.detector.prepare(features.joined()), prefix

    def reuse(self, answer: Generation, watch: Stopwatch) -> Result:
        """Segment a frame with the queries of an earlier one."""
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
    """Draw weights of a scale that keeps activations finite; norm weights are around one."""
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


def build_part(part: str, size: str, dtype: torch.dtype, device: str) -> InstructSam:
    """Build one configuration of the model with random weights, optimized for the CPU unless plain."""
    config = load_config(size)
    if part in SMALLER:
        side = sam3_config(config).vision_config.backbone_config.image_size
        config = with_sam_size(config, round(side * SMALLER[part]))
    model = build_model(config, random_tensors(config, dtype), "random weights", dtype, torch.device(device))
    if part not in (PLAIN, HUGE):
        optimize_for_cpu(model)
    return model


def procedures(part: str, model: InstructSam, phrases: int) -> dict[str, Procedure]:
    """Return the procedures of one configuration by name, in the order in which they run."""
    bench = Bench(model, phrases)
    if part in (PLAIN, HUGE):
        plain = ReferenceProcedure(model, bench.prompt, bench.choose)
        return {f"{part}, every instruction": lambda watch: plain(RGB, watch)}
    frame: tuple[ImageFeatures, Prefix] | None = None
    answer: Generation | None = None

    def active(watch: Stopwatch) -> Result:
        nonlocal frame, answer
        frame = bench.encode(watch)
        result = bench.segment(*frame, watch, bench.answer_ids)
        answer = result[0]
        return result

    def further(previous: list[int], watch: Stopwatch) -> Result:
        if frame is None:
            raise RuntimeError("encode an image before further instructions on it")
        return bench.segment(*frame, watch, previous)

    def reuse(watch: Stopwatch) -> Result:
        if answer is None:
            raise RuntimeError("answer one image before its queries are reused")
        return bench.reuse(answer, watch)

    if part != EXACT:
        return {f"{ACTIVE}, {part}": active}

    def side_by_side(watch: Stopwatch) -> Result:
        return bench.segment(*bench.encode_side_by_side(watch), watch, bench.answer_ids)

    on_gpu = {f"{ACTIVE}, towers side by side": side_by_side} if model.mask_queries.is_cuda else {}
    return {
        ACTIVE: active,
        **on_gpu,
        "further instruction, image known": partial(further, []),
        "the same, answer known or guessed": partial(further, bench.answer_ids),
        REUSE: reuse,
    }


def measure(args: argparse.Namespace) -> None:
    """Measure one configuration in this process: a warm-up round, then ``repeats`` rounds."""
    torch.set_num_threads(args.threads)
    dtype = getattr(torch, args.dtype)
    ways = procedures(args.part, build_part(args.part, args.size, dtype, args.device), args.phrases)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    with torch.inference_mode():
        for turn in range(args.repeats + 1):
            for name, way in ways.items():
                watch = Stopwatch()
                answer, output = way(watch)
                outputs = {"masks": output.mask_logits, "scores": output.score_logits, "boxes": output.boxes}
                results[name] = {"ids": answer.ids} | {k: v.float().cpu() for k, v in outputs.items()}
                if turn:
                    rows[name].append(vars(watch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if args.device.startswith("cuda"):
        peak = torch.cuda.max_memory_reserved()
    torch.save({"rows": rows, "results": results, "peak": peak}, args.write)


def run_part(part: str) -> dict[str, Any]:
    """Measure one configuration in a new process; the plain one with torch's default memory settings."""
    with tempfile.NamedTemporaryFile() as file:
        command = [
            sys.executable,
            "-m",
            "benchmarks.full_size_latency",
            *sys.argv[1:],
            "--part",
            part,
            "--write",
            file.name,
        ]
        pages = {"THP_MEM_ALLOC_ENABLE": "0"} if part == PLAIN else {}
        subprocess.run(command, check=True, env=os.environ | pages)
        measured: dict[str, Any] = torch.load(file.name, weights_only=True)
    return measured


def check(name: str, plain: dict[str, Any], ours: dict[str, Any], dtype: str) -> None:
    """Print the largest differences of logits and boxes, and the share of mask pixels that differ.

    Masks of random weights may be empty or full. Raises SystemExit if answers, or outputs in float32, differ.
    """
    if plain["ids"] != ours["ids"]:
        raise SystemExit(f"{name}: the answers differ; its latencies are not comparable")
    pixels = ((plain["masks"] > 0) != (ours["masks"] > 0)).float().mean().item()
    differences = {}
    for key in ("masks", "scores", "boxes"):
        spread = (plain[key].max() - plain[key].min()).item()
        differences[key] = (plain[key] - ours[key]).abs().max().item() / spread
    largest = ", ".join(f"{key} {difference:.1e}" for key, difference in differences.items())
    print(
        f"    {name}: largest differences, of the value range: {largest}; {pixels:.4%} of mask pixels differ",
        flush=True,
    )
    if dtype == "float32" and not max(differences.values()) <= DISAGREEMENT:
        raise SystemExit(f"{name}: the outputs differ; its latencies are not comparable")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", choices=["tiny", "2b"], default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--turns", type=positive_int, default=1, help="processes per configuration")
    parser.add_argument("--repeats", type=positive_int, default=1, help="counted rounds per process")
    parser.add_argument("--phrases", type=int, choices=[1, 2], default=1)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        help="configurations to measure; results are compared only with 'plain' among them",
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        measure(args)
        return
    print(f"{args.size}, {args.dtype}, {args.device}, {args.threads} thread(s); 640x480, ", end="")
    print(f"{args.phrases} phrase(s); wall seconds", flush=True)
    rows: dict[str, list[Stopwatch]] = {}
    reference: dict[str, Any] | None = None
    for _ in range(args.turns):
        for part in PARTS:  # the plain one first, as the reference of the others
            if part not in args.only:
                continue
            measured = run_part(part)
            print(f"{part}: at most {measured['peak'] / 1e9:.1f} GB of memory", flush=True)
            for name, watches in measured["rows"].items():
                rows.setdefault(name, []).extend(Stopwatch(**watch) for watch in watches)
                report(name, rows[name][-len(watches) :])
                result = measured["results"][name]
                if name == REFERENCE:
                    reference = result
                elif reference and part in (PLAIN, HUGE, EXACT) and name != REUSE:
                    check(name, reference, result, args.dtype)
    summarise(rows)


def report(name: str, watches: list[Stopwatch]) -> None:
    """Print seconds per stage: the median, and with several rounds the 95th percentile."""
    stages = []
    for stage in watches[0].wall:
        p50, p95 = np.percentile([watch.wall[stage] for watch in watches], [50, 95])
        stages.append(f"{stage} {p50:.3f}" + (f" ({p95:.3f})" if len(watches) > 1 else ""))
    print(f"    {name}: {', '.join(stages)}", flush=True)


def summarise(rows: dict[str, list[Stopwatch]]) -> None:
    """Print seconds per answer and the speed-up over the plain procedure, NaN if that was not measured."""
    plain = np.median([sum(watch.wall.values()) for watch in rows.get(REFERENCE, [])] or [math.nan])
    for name, watches in rows.items():
        p50, p95 = np.percentile([sum(watch.wall.values()) for watch in watches], [50, 95])
        print(f"{name:45s} {p50:9.3f} s ({p95:.3f}) {plain / p50:6.2f}x   {len(watches)} rounds")


if __name__ == "__main__":
    run(main)
