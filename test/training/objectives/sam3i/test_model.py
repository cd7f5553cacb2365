"""What each stage starts from."""

import dataclasses

import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3i.checkpoint import save_folder
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.objectives.sam3i.model import build_model, export
from test.sam3_models import tiny_sam3i


def test_stage_1_adds_adapters_and_later_ones_need_them(file, sam3_folder):
    model = build_model(load_settings(file(1)))
    assert model.config.bottleneck == 8
    with pytest.raises(CheckpointError, match="without adapters"):
        build_model(load_settings(file(2, sam3_folder)))


def test_stage_3_gets_a_projector(file, tmp_path):
    model = tiny_sam3i()
    model.adapters.projectors.clear()
    model.config = dataclasses.replace(model.config, projector="none")
    save_folder(model, tmp_path / "bare")
    assert "shared" in build_model(load_settings(file(3, tmp_path / "bare"))).adapters.projectors


def test_an_export_holds_the_weights_of_the_run(file, sam3i_folder, tmp_path):
    settings = load_settings(file(3, sam3i_folder))
    weights = {name: tensor + 1 for name, tensor in build_model(settings).state_dict().items()}
    export(settings, weights, tmp_path / "out")
    again = build_model(dataclasses.replace(settings, model=str(tmp_path / "out"))).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in weights.items())
    assert (tmp_path / "out" / "tokenizer.json").exists()
    with pytest.raises(CheckpointError, match="has another model"):
        export(settings, {}, tmp_path / "out")
