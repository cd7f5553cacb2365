"""Instructions of the speed benchmark."""

from __future__ import annotations

from benchmarks.speed_options import INSTRUCTIONS, OPTIONS, answerable
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths


def test_instructions_are_few_and_the_same_at_every_call() -> None:
    view = load_view(view_paths(DATA / "scenes")[0], depth=False)
    texts = answerable(view)
    assert 0 < len(set(texts)) == len(texts) <= INSTRUCTIONS
    assert texts == answerable(view)


def test_the_exact_model_has_no_options() -> None:
    assert OPTIONS["exact"] == {}
