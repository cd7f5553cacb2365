"""Milliseconds per answer as the number of targets grows: query bank against one [SEG] per instance.

    python -m benchmarks.design_study.latency --model compact

Both ways run the same weights, the same instruction and the same phrase, and are made to find exactly
1..10 instances; what the masks show does not matter. They take turns within one run, so that other
work on the machine meets both. Encoding the image is the same for both and not included.
"""

from __future__ import annotations

import argparse
import copy
import csv
import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import trange

from benchmarks.command import positive_int, run
from benchmarks.design_study.one_token import NEVER, OneTokenInstructSam
from benchmarks.design_study.variants import causal
from instructsam_ros.backends.instructsam import InstructSamSegmenter, load
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths

INSTRUCTION = "I am looking for all the mugs"
"""Too long to be guessed as its own phrase, which would spare the bank alone some of its steps."""

STAGES = ("generate", "masks")


class CountedBank(InstructSam):
    """Finds ``count`` instances, whatever it thinks."""

    count = 1

    def segment_phrases(
        self, features: ImageFeatures, phrases: Sequence[Sequence[int]], queries: Tensor
    ) -> DetectorOutput:
        """As InstructSam.segment_phrases, with the first ``count`` slots sure and no other."""
        output = super().segment_phrases(features, phrases, queries)
        wanted = torch.arange(output.score_logits.shape[1]) < self.count
        return dataclasses.replace(
            output, score_logits=torch.where(wanted, -NEVER, NEVER).expand_as(output.score_logits)
        )


class CountedOneToken(CountedBank, OneTokenInstructSam):
    """The same, instance by instance."""


def both_ways(model: InstructSam) -> dict[str, CountedBank]:
    """The same weights as a query bank and as one [SEG] token."""
    bank = CountedBank(model.config)
    bank.load_state_dict(model.state_dict())
    one_token = CountedOneToken(causal(copy.deepcopy(model)))
    one_token.another = lambda found, _: found < one_token.count
    return {"bank": bank.eval(), "one-token": one_token.eval()}


def measure(segmenter: InstructSamSegmenter, instruction: str, repeats: int) -> list[dict[str, Any]]:
    """Medians per way and number of targets. Raises ConfigError for an instruction that the model does
    not answer with one phrase, the same in both ways.
    """
    rgb = load_view(view_paths(DATA / "scenes")[0], depth=False).rgb
    models = both_ways(segmenter.model)
    ways = {name: dataclasses.replace(segmenter, model=model) for name, model in models.items()}
    features = {name: way.encode(rgb) for name, way in ways.items()}
    runs: dict[tuple[str, int], list[Mapping[str, float]]] = defaultdict(list)
    phrases = set()
    for repeat in trange(repeats + 1, unit="round"):
        for count in range(1, segmenter.model.config.num_queries + 1):
            for name, way in ways.items():
                models[name].count = count
                answer = way.segment(features[name], instruction)
                phrases.add(answer.answer)
                if repeat:  # the first round warms up
                    runs[name, count].append(answer.timings)
    if len(phrases) != 1 or "" in phrases:
        raise ConfigError(f"no common answer but {sorted(phrases)}; use another instruction or model")
    return [_medians(name, count, timings) for (name, count), timings in runs.items()]


def _medians(way: str, targets: int, timings: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    stages = {stage: 1000 * statistics.median(run[stage] for run in timings) for stage in STAGES}
    total = 1000 * statistics.median(sum(run[stage] for stage in STAGES) for run in timings)
    return {"way": way, "targets": targets, "total_ms": total, **stages}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="compact")
    parser.add_argument("--instruction", default=INSTRUCTION)
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--repeats", type=positive_int, default=15)
    parser.add_argument("--out", default="runs/design-study")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    # Weights as they are stored: packed ones cannot be put into another model.
    stored = load_folder(checkpoint_folder(args.model), torch.float32)
    segmenter = dataclasses.replace(load(args.model, "cpu", dtype="float32"), model=stored)
    rows = measure(segmenter, args.instruction, args.repeats)
    path = Path(args.out) / "latency.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(f"{row['way']:10s} {row['targets']:3} targets {row['total_ms']:7.1f} ms")


if __name__ == "__main__":
    run(main)
