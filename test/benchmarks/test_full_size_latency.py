"""Equal results of all procedures on the tiny model."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from benchmarks.full_size_latency import EXACT, REUSE, check, load_config, procedures
from benchmarks.stopwatch import Stopwatch
from instructsam_ros.models.cpu.optimize import optimize_for_cpu
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.generation import Generation


def compared(answer: Generation, output: DetectorOutput) -> dict[str, Any]:
    """What the benchmark compares of a result."""
    outputs = {"masks": output.mask_logits, "scores": output.score_logits, "boxes": output.boxes}
    return {"ids": answer.ids} | outputs


def test_all_procedures_agree_with_the_reference(reference) -> None:
    model = copy.deepcopy(reference.model)
    optimize_for_cpu(model)
    expected = compared(reference.answer, reference.output)
    found = procedures(EXACT, model, 2)
    assert len(found) == 4
    with torch.inference_mode():
        for name, procedure in found.items():
            watch = Stopwatch()
            result = compared(*procedure(watch))
            assert watch.wall
            if name != REUSE:
                check(name, expected, result, "float32")


def test_other_answers_and_outputs_are_errors(reference) -> None:
    expected = compared(reference.answer, reference.output)
    with pytest.raises(SystemExit, match="answers differ"):
        check("other answer", expected, expected | {"ids": ()}, "float32")
    changed = expected | {"scores": expected["scores"] + expected["scores"].std()}
    with pytest.raises(SystemExit, match="outputs differ"):
        check("other scores", expected, changed, "float32")
    check("other scores", expected, changed, "bfloat16")  # prints only


def test_the_tiny_model_is_smaller_in_every_part() -> None:
    tiny, full = load_config("tiny"), load_config("2b")
    for part in ("language", "vision"):
        small, large = getattr(tiny, part), getattr(full, part)
        assert small["hidden_size"] < large["hidden_size"]
        assert small.keys() == large.keys()
