"""Accuracy and cost of every backend on the same held-out scenes, in one run.

    python -m benchmarks.backends --views 40 --seg-token runs/seg_token/export

By itself it measures the compact model, the agent and the fake; the others need a folder of weights. All
run on one processor thread. Costs are processor time, which other load on the machine hardly changes, and
the most memory that a process of its own needed. Calls are passes of the language model or text tower, of
the agent those of its chat model. That one is scripted: it searches for the instruction as it stands and
takes all that is found, so its row is the cost of the loop without a chat model, and the accuracy of the
segmenter below it.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.command import positive_int, run
from benchmarks.scripted_chat import TakesAll
from benchmarks.stopwatch import Stopwatch
from instructsam_ros.backends.agent import AgentSegmentation, AgentSegmenter
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.vlm.budget import Budget
from instructsam_ros.paths import DATA
from instructsam_ros.segmenter import Cancel, Segmenter, load
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.evaluation.metrics import Metrics
from instructsam_ros.training.evaluation.protocols import protocol
from instructsam_ros.training.evaluation.report import table
from instructsam_ros.types import Segmentation

COLUMNS = ("instructions", "giou", "ap50", "no_target_accuracy", "count_accuracy")
LABELS = ("level", "cardinality")


@dataclass(frozen=True)
class Row:
    """A backend of the table. image, instruction: median processor milliseconds of encoding an image, and of
    an instruction about it. calls: mean per instruction, None where there is no model to call. memory: MiB.
    """

    metrics: Metrics
    image: float
    instruction: float
    calls: float | None
    memory: float


@dataclass(frozen=True)
class Measured:
    """A segmenter that remembers what its calls took. passes: of the language model, see Row."""

    segmenter: Segmenter
    encoded: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the segmenter."""
        return self.segmenter.name

    def encode(self, rgb: NDArray[np.uint8]) -> Any:
        """See Segmenter.encode."""
        watch = Stopwatch()
        with watch("encode"):
            features = self.segmenter.encode(rgb)
        self.encoded.append(1000 * watch.cpu["encode"])
        return features

    def segment(
        self,
        features: Any,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """See Segmenter.segment."""
        watch = Stopwatch()
        with watch("segment"):
            answer = self.segmenter.segment(features, instruction, previous=previous, cancel=cancel)
        self.answered.append(1000 * watch.cpu["segment"])
        if isinstance(answer, AgentSegmentation):
            self.passes.append(answer.calls)
        return answer

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> Segmentation:
        """See Segmenter.segment_image."""
        return self.segment(self.encode(rgb), instruction)

    def calls(self) -> float | None:
        """Mean number of calls of an instruction."""
        return sum(self.passes) / len(self.answered) if self.passes else None


def measured(segmenter: Segmenter) -> Measured:
    """Wrap a segmenter, and count the passes of its language model."""
    found = Measured(segmenter)
    model = getattr(segmenter, "model", None)
    if isinstance(model, InstructSam):
        model.language.register_forward_hook(lambda *_: found.passes.append(1))
    if isinstance(model, Sam3):
        read = model.encode_text

        def encode_text(*args: Any) -> Any:
            found.passes.append(1)
            return read(*args)

        model.encode_text = encode_text  # type: ignore[method-assign, assignment]
    return found


def scattered(samples: Sequence[Sample], views: int) -> Iterator[Sample]:
    """The samples on ``views`` images from the whole of a set."""
    groups = [list(group) for _, group in itertools.groupby(samples, key=lambda sample: sample.image)]
    places = np.linspace(0, len(groups), min(views, len(groups)), endpoint=False).astype(int)
    yield from itertools.chain.from_iterable(groups[place] for place in places)


def measure(model: str, options: dict[str, Any], views: int) -> Row:
    """Answer the held-out instructions with one backend, in a process of its own."""
    torch.set_num_threads(1)
    if options.get("backend") == "agent":
        below = load(model, device="cpu", threads=1)
        segmenter = measured(AgentSegmenter(TakesAll(), below, Budget()))
    else:
        segmenter = measured(load(model, device="cpu", **options))
    samples = protocol("inst2seg").samples(
        {"annotations": str(DATA / "testset" / "annotations.json"), "images": str(DATA / "testset")},
        BrokenRecords(),
    )
    result = evaluate(segmenter, scattered(list(samples), views), worst=0)
    return Row(
        result.metrics,
        float(np.median(segmenter.encoded)),
        float(np.median(segmenter.answered)),
        segmenter.calls(),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def accuracy(rows: dict[str, Row]) -> str:
    """Write the table of accuracy: all instructions, then by level and cardinality."""
    named = [(name, row.metrics) for name, row in rows.items()]
    for label in LABELS:
        values = sorted({value for row in rows.values() for value in row.metrics.by_label.get(label, {})})
        named += [
            (f"{name}, {label} {value}", row.metrics.by_label[label][value])
            for value in values
            for name, row in rows.items()
        ]
    return table("backend", named, COLUMNS)


def costs(rows: dict[str, Row]) -> str:
    """Write the table of costs."""
    lines = [
        "| backend | ms per image | ms per further instruction | calls | memory, MiB |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        calls = "-" if row.calls is None else f"{row.calls:.1f}"
        lines.append(f"| {name} | {row.image:.0f} | {row.instruction:.0f} | {calls} | {row.memory:.0f} |")
    return "\n".join(lines) + "\n"


def backends(args: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any]]]:
    """Model and options of every backend to measure, by its name in the tables."""
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "instructsam, compact": (args.model, {"threads": 1}),
        "agent over it": (args.model, {"backend": "agent"}),
        "fake": ("fake", {}),
    }
    for name in ("seg_token", "sam3", "sam3i"):
        if folder := getattr(args, name):
            found[name] = (folder, {"backend": name, "threads": 1})
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", type=positive_int, default=40, help="held-out views, at most 200")
    parser.add_argument("--model", default="compact", help="weights of the backend instructsam")
    parser.add_argument("--seg-token", metavar="DIR", help="export of a training with objective: seg_token")
    parser.add_argument("--sam3", metavar="DIR", help="weights of the backend sam3")
    parser.add_argument("--sam3i", metavar="DIR", help="weights of the backend sam3i")
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="also time the 2B InstructSAM with random weights; takes 12 GB and minutes",
    )
    args = parser.parse_args()
    rows: dict[str, Row] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for name, (model, options) in backends(args).items():
            rows[name] = pool.submit(measure, model, options, args.views).result()
    print(accuracy(rows))
    print(costs(rows))
    if args.full_size:
        print(
            "InstructSAM-2B, random weights: measured latencies, no accuracy; nothing is extrapolated.",
            flush=True,
        )
        part = ["--size", "2b", "--dtype", "bfloat16", "--only", "exact"]
        subprocess.run([sys.executable, "-m", "benchmarks.full_size_latency", *part], check=True)


if __name__ == "__main__":
    run(main)
