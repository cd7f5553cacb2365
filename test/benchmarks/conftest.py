"""The tiny model of the benchmarks, built once, and its answer by the reference procedure."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from benchmarks.full_size_latency import PLAIN, RGB, Bench, build_part
from benchmarks.reference_procedure import ReferenceProcedure
from benchmarks.stopwatch import Stopwatch
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.models.instructsam.modeling import InstructSam


class ReferenceAnswer(NamedTuple):
    """The model, still without optimizations, with the result and the stages of the reference procedure."""

    model: InstructSam
    answer: Generation
    output: DetectorOutput
    watch: Stopwatch


@pytest.fixture(scope="session")
def reference() -> ReferenceAnswer:
    model = build_part(PLAIN, "tiny", torch.float32, "cpu")
    bench, watch = Bench(model, 2), Stopwatch()
    with torch.inference_mode():
        return ReferenceAnswer(
            model, *ReferenceProcedure(model, bench.prompt, bench.choose)(RGB, watch), watch
        )
