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
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import trange

from benchmarks.design_study.one_token import NEVER, OneTokenInstructSam
from benchmarks.design_study.variants import causal
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.backend import InstructSamSegmenter, load
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths

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


def both_ways(segmenter: InstructSamSegmenter) -> dict[str, InstructSamSegmenter]:
    """The same weights as a query bank and as one [SEG] token."""
    model = segmenter.model
    bank = CountedBank(model.config)
    bank.load_state_dict(model.state_dict())
    one_token = CountedOneToken(causal(copy.deepcopy(model)))  # type: ignore[arg-type, call-arg]
    one_token.another = lambda found, _: found < one_token.count
    ways = {"bank": bank, "one-token": one_token}
    return {name: dataclasses.replace(segmenter, model=way.eval()) for name, way in ways.items()}


def measure(
    ways: dict[str, InstructSamSegmenter], instruction: str, repeats: int
) -> list[dict[str, str | float]]:
    """Medians per way and number of targets. Raises ConfigError if the ways write different phrases."""
    rgb = load_view(view_paths(DATA / "scenes")[0], depth=False).rgb
    features = {name: way.encode(rgb) for name, way in ways.items()}
    counts = range(1, next(iter(ways.values())).model.config.num_queries + 1)
    seconds: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    phrases = set()
    for repeat in trange(repeats + 1, unit="round"):
        for count in counts:
            for name, way in ways.items():
                way.model.count = count
                answer = way.segment(features[name], instruction)
                phrases.add(answer.answer)
                if repeat:  # the first round warms up
                    seconds[name, count].append(dict(answer.timings))
    if len(phrases) != 1:
        raise ConfigError(f"the two ways answer differently: {sorted(phrases)}; use another instruction")
    rows = []
    for (name, count), runs in seconds.items():
        stages = {stage: 1000 * statistics.median(run[stage] for run in runs) for stage in STAGES}
        total = 1000 * statistics.median(sum(run[stage] for stage in STAGES) for run in runs)
        rows.append({"way": name, "targets": count, "total_ms": total} | stages)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="compact")
    parser.add_argument("--instruction", default="all the mugs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", default="runs/design-study")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = measure(both_ways(load(args.model, "cpu")), args.instruction, args.repeats)
    path = Path(args.out) / "latency.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(f"{row['way']:10s} {row['targets']:3} targets {row['total_ms']:7.1f} ms")


if __name__ == "__main__":
    main()
