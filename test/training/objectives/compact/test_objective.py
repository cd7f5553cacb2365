"""The compact objective: what a run starts from, and its loss."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.checkpoint import save_folder
from instructsam_ros.training.objectives.compact.objective import ON_BACKBONE, CompactObjective


def test_the_first_steps_train_the_image_side_alone(compact_settings, tmp_path: Path) -> None:
    objective = CompactObjective(dataclasses.replace(compact_settings, image_only_steps=1), tmp_path)
    first, second = (set(objective.loss(objective.batches[0], step)[1]) for step in (0, 1))
    assert "language" not in first
    assert first < second


def test_a_start_that_is_no_model_is_named(compact_settings, tmp_path: Path) -> None:
    settings = dataclasses.replace(compact_settings, backbone="", init=str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="neither a checkpoint of a run nor a model"):
        CompactObjective(settings, tmp_path).start()


def test_an_earlier_run_goes_on_with_another_backbone(
    compact_settings, published_backbone: Path, tmp_path: Path
) -> None:
    earlier = CompactObjective(compact_settings, tmp_path)
    for parameter in earlier.model.parameters():
        parameter.data.add_(1.0)
    save_folder(earlier.model, tmp_path / "model", earlier.tokenizer.to_str())
    start = {"init": str(tmp_path / "model"), "backbone": str(published_backbone)}
    settings = dataclasses.replace(compact_settings, **start)
    objective = CompactObjective(settings, tmp_path)
    pretrained = {name: value.clone() for name, value in objective.model.state_dict().items()}
    objective.start()
    before = earlier.model.state_dict()
    for name, value in objective.model.state_dict().items():
        expected = pretrained if name.startswith(ON_BACKBONE) else before
        assert torch.equal(value, expected[name]), name
