"""The compact objective: what a run starts from, and its loss."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from instructsam_ros.errors import CheckpointError
from instructsam_ros.training.objectives.compact.objective import CompactObjective


def test_the_first_steps_train_the_image_side_alone(compact_settings, tmp_path: Path) -> None:
    objective = CompactObjective(dataclasses.replace(compact_settings, image_only_steps=1), tmp_path)
    first, second = (set(objective.loss(objective.batches[0], step)[1]) for step in (0, 1))
    assert "language" not in first
    assert first < second


def test_a_start_that_is_no_model_is_named(compact_settings, tmp_path: Path) -> None:
    settings = dataclasses.replace(compact_settings, backbone="", init=str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="neither a checkpoint of a run nor a model"):
        CompactObjective(settings, tmp_path).start()
