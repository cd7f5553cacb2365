"""Time and memory of a training step with each recipe of the InstructSAM objective.

    python -m benchmarks.training_step --steps 4

Seconds and peak memory are measured with a tiny model of random weights on pictures of the test set, each
recipe in a process of its own. The memory of the 2B model is computed from the shapes of its tensors, in
float32 as the trainer holds them: weights, and for what trains gradients, moments of AdamW and averaged
weights. Activations and what the libraries take come on top.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from benchmarks.command import positive_int, run
from benchmarks.full_size_latency import load_config, random_tensors
from benchmarks.stopwatch import Stopwatch
from instructsam_ros.models.instructsam.checkpoint import build_model, save_folder, weightless
from instructsam_ros.models.instructsam.configuration import TokenIds
from instructsam_ros.paths import DATA, share
from instructsam_ros.training.config import InstructSamTrainSettings, read_settings
from instructsam_ros.training.lora import add_lora
from instructsam_ros.training.trainer import Trainer

RECIPES = ("inst2seg_stage1", "inst2seg_stage2", "epic_kitchens")
CONTROL = ("<unk>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
ROWS = 64
"""Size of the tiny vocabulary."""
GIB = 2**30
BYTES = {"weights": 4, "gradients": 4, "AdamW": 8, "average": 4}


@dataclass(frozen=True)
class Measurement:
    """wall, processor: mean seconds of the steps after the first, with one checkpoint. peak: most resident
    bytes of the process.
    """

    wall: float
    processor: float
    peak: int


def tiny_folder(folder: Path) -> None:
    """Write a tiny model with the structure of the 2B model, random weights and a small vocabulary."""
    names = [*CONTROL, "<region>", "[SEG]", "<|mask_start|>", "<|mask_end|>"]
    names += ["<|object_ref_start|>", "<|object_ref_end|>"]
    number = {name: place for place, name in enumerate(names)}
    tokens = TokenIds(
        image=number["<|image_pad|>"],
        vision_start=number["<|vision_start|>"],
        vision_end=number["<|vision_end|>"],
        region=number["<region>"],
        seg=number["[SEG]"],
        mask_start=number["<|mask_start|>"],
        mask_end=number["<|mask_end|>"],
        ref_start=number["<|object_ref_start|>"],
        ref_end=number["<|object_ref_end|>"],
        eos=(number["<|im_end|>"],),
    )
    config = load_config("tiny")
    language = {**config.language, "vocab_size": ROWS, "bos_token_id": None, "eos_token_id": tokens.eos[0]}
    config = dataclasses.replace(config, language=language, tokens=tokens)
    vocabulary = number | {f"word{place}": place for place in range(len(number), ROWS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    model = build_model(config, random_tensors(config, torch.float32), "random weights")
    save_folder(model, folder, tokenizer.to_str())


def measure(recipe: str, steps: int, precision: str) -> Measurement:
    """Run a first step of a recipe on the tiny model, and measure ``steps`` more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_folder(folder / "model")
        entries = json.loads((DATA / "testset" / "annotations.json").read_text())
        sets = {}
        for part, chosen in (("data", entries[1:]), ("evaluation", entries[:1])):
            (folder / f"{part}.json").write_text(json.dumps(chosen))
            images = str(DATA / "testset")
            sets[part] = [
                {"format": "inst2seg", "annotations": str(folder / f"{part}.json"), "images": images}
            ]
        changes = {
            "model": str(folder / "model"), "out": str(folder / "run"), "workers": 0, "threads": 1,
            "checkpoint_every": 1 + steps, "precision": f'"{precision}"', "best": "null",
            **{f"{part}.sets": json.dumps(value) for part, value in sets.items()},
        }  # fmt: skip
        path = share("config", "training", f"{recipe}.yaml")
        settings = read_settings(path, [f"{key}={value}" for key, value in changes.items()])
        trainer, watch = Trainer(settings), Stopwatch()
        trainer.run(1)
        with watch("steps"):
            trainer.run(1 + steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Measurement(watch.wall["steps"] / steps, watch.cpu["steps"] / steps, peak)


def full_size_bytes(settings: InstructSamTrainSettings) -> dict[str, int]:
    """Compute the bytes that the 2B model takes in training, by kind, without those of activations."""
    model = weightless(load_config("2b")).to("meta")
    if settings.lora:
        add_lora(model, settings.lora)
    counts = [(p.numel(), settings.part(name).rate > 0) for name, p in model.named_parameters()]
    total, trained = sum(n for n, _ in counts), sum(n for n, trains in counts if trains)
    return {kind: size * (total if kind == "weights" else trained) for kind, size in BYTES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of training steps.")
    parser.add_argument(
        "--steps", type=positive_int, default=4, metavar="N", help="measured after a first one"
    )
    parser.add_argument("--precision", choices=("auto", "bf16", "no"), default="auto")
    args = parser.parse_args()
    print(
        "| recipe | tiny: s/step, wall | processor | tiny: peak GiB | 2B, computed GiB: "
        + " | ".join(BYTES)
        + " | sum |"
    )
    print("|---" * (5 + len(BYTES)) + "|")
    for recipe in RECIPES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            measured = pool.apply(measure, (recipe, args.steps, args.precision))
        stand_in = '[{"format": "scenes", "root": "."}]'
        path = share("config", "training", f"{recipe}.yaml")
        settings = read_settings(path, [f"{part}.sets={stand_in}" for part in ("data", "evaluation")])
        if not isinstance(settings, InstructSamTrainSettings):
            raise TypeError(f"{recipe} is of another objective")
        sizes = full_size_bytes(settings)
        figures = [f"{size / GIB:.1f}" for size in (*sizes.values(), sum(sizes.values()))]
        cells = [
            recipe,
            f"{measured.wall:.2f}",
            f"{measured.processor:.2f}",
            f"{measured.peak / GIB:.2f}",
            *figures,
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    run(main)
