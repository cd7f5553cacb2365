"""Stages of a stopwatch, with clocks that the test sets."""

from __future__ import annotations

import pytest

from benchmarks.stopwatch import Stopwatch


def test_stages_are_measured_apart_and_repeated_names_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(0.0, 0.0), (1.0, 2.0), (5.0, 2.0), (5.5, 2.25), (6.0, 3.0), (8.0, 3.5)])
    monkeypatch.setattr(Stopwatch, "_now", staticmethod(lambda: next(readings)))
    watch = Stopwatch()
    for stage in ("encode", "detect", "encode"):
        with watch(stage):
            pass
    assert watch.wall == {"encode": 3.0, "detect": 0.5}
    assert watch.cpu == {"encode": 2.5, "detect": 0.25}
