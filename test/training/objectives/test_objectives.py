"""The choice of an objective."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructsam_ros.training.config import RunSettings
from instructsam_ros.training.objectives import build_objective
from instructsam_ros.training.objectives.compact.objective import CompactObjective
from instructsam_ros.training.parts import Part


def test_settings_of_the_compact_model_build_its_objective(compact_settings, tmp_path: Path) -> None:
    objective = build_objective(compact_settings, tmp_path)
    assert isinstance(objective, CompactObjective)
    assert objective.images == compact_settings.data.images


def test_other_settings_are_refused(compact_settings, tmp_path: Path) -> None:
    class OtherSettings(RunSettings):
        def part(self, parameter: str) -> Part:
            return Part(parameter, 1.0)

    run = OtherSettings(out="run", steps=1, evaluation=compact_settings.evaluation)
    with pytest.raises(TypeError, match="no objective takes OtherSettings"):
        build_objective(run, tmp_path)
