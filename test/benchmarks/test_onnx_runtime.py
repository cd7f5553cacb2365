"""Alternation of the ONNX Runtime benchmark."""

from __future__ import annotations

from itertools import count

from benchmarks.onnx_runtime import RUNS, medians


def test_tasks_alternate_and_warm_up_runs_are_not_measured() -> None:
    calls: list[str] = []
    seconds = count()
    found = medians(
        [lambda: calls.append("a"), lambda: calls.append("b")], lambda: None, lambda: float(next(seconds))
    )
    assert calls == ["a", "b"] * (RUNS + 2)
    assert found == [1000.0, 1000.0]
    assert next(seconds) == 2 * 2 * RUNS + 2 * 2  # a reading before every run, and after every measured one
