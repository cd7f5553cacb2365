"""``instructsam train``: arguments, and the missing extra."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from instructsam_ros.cli import main

CONFIG = Path(__file__).parents[2] / "config" / "training" / "compact.yaml"


@pytest.mark.parametrize(
    ("arguments", "steps"), [([], None), (["--max-steps", "7"], 7), (["--until", "7"], 7)]
)
def test_the_trainer_runs_with_the_overrides_up_to_the_last_step(
    arguments: list[str], steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instructsam_ros.training import stages, trainer

    calls: list[Any] = []

    class Recorder:
        def __init__(self, settings: Any) -> None:
            calls.append(settings)

        def run(self, max_steps: int | None) -> None:
            calls.append(max_steps)

    run = SimpleNamespace(out="nowhere")
    monkeypatch.setattr(stages, "load_stages", lambda *given: calls.append(given) or [run])
    monkeypatch.setattr(trainer, "Trainer", Recorder)
    assert main(["train", str(CONFIG), "seed=3", *arguments]) == 0
    assert calls == [(str(CONFIG), ["seed=3"]), run, steps]


def test_a_last_step_of_several_stages_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from instructsam_ros.training import stages

    runs = [SimpleNamespace(out="first"), SimpleNamespace(out="second")]
    monkeypatch.setattr(stages, "load_stages", lambda *_: runs)
    assert main(["train", str(CONFIG), "--max-steps", "7"]) == 2
    assert "--max-steps is of one run, and this file has stages" in capsys.readouterr().err


def test_without_the_extra_its_name_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instructsam_ros.training.trainer", None)
    assert main(["train", str(CONFIG), "--export", "model"]) == 2
    assert "pip install 'instructsam-ros[training]'" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
