"""Loading of SAM 3: folders of the hub, Meta's file, and what is refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3.checkpoint import load_sam3, read_config
from test.sam3_models import write_meta_file, write_sam3_folder


def test_folder_and_metas_file_hold_the_same_model(tmp_path, sam3_folder):
    folder, file = load_sam3(sam3_folder), load_sam3(write_meta_file(tmp_path))
    for (name, one), other in zip(folder.state_dict().items(), file.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert not folder.training
    assert not any(tensor.is_meta for tensor in [*folder.parameters(), *folder.buffers()])


def test_a_folder_with_metas_file_alone_is_read(tmp_path):
    write_meta_file(tmp_path)
    assert load_sam3(tmp_path, torch.bfloat16).dtype == torch.bfloat16


def test_a_folder_of_sam3i_is_read_without_its_adapters(sam3i_folder, sam3_folder):
    ours, plain = load_sam3(sam3i_folder).state_dict(), load_sam3(sam3_folder).state_dict()
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[name], plain[name]) for name in plain)


@pytest.mark.parametrize(
    ("name", "match"),
    [("sam3.1_multiplex.pt", "SAM 3.1"), ("sam3.pt", "unexpected backbone.multiplex.weight")],
)
def test_another_detector_is_refused_whole(tmp_path, name, match):
    file = write_meta_file(tmp_path, name)
    tensors = torch.load(file, weights_only=True)
    tensors["detector.backbone.multiplex.weight"] = torch.zeros(2)
    del tensors["detector.transformer.decoder.norm.bias"]
    torch.save(tensors, file)
    with pytest.raises(CheckpointError, match=match) as caught:
        load_sam3(file)
    assert "missing detr_decoder.output_layer_norm.bias" in str(caught.value)


def test_a_later_file_with_the_same_detector_is_loaded_whole(tmp_path):
    file = write_meta_file(tmp_path, "sam3.1_multiplex.pt")
    torch.save({"model": torch.load(file, weights_only=True)}, file)
    assert load_sam3(file).prepare(np.zeros((8, 9, 3), np.uint8)).shape == (1, 3, 112, 112)


def test_wrong_shapes_and_kinds_of_numbers_are_named(tmp_path):
    write_sam3_folder(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["detector_model.text_projection.bias"] = torch.zeros(3)
    tensors["detector_model.detr_decoder.presence_token.weight"] = torch.zeros(1, 32, dtype=torch.int64)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_sam3(tmp_path)
    assert "wrong shape text_projection.bias: [3] instead of [32]" in str(caught.value)
    assert "wrong dtype detr_decoder.presence_token.weight: I64" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (None, "no config.json"),
        ({"model_type": "instructsam"}, "'instructsam', not of SAM 3"),
        ({"model_type": "sam3_video"}, "not the configuration"),
        ({"model_type": "sam3", "vision_config": 3}, "not the configuration"),
    ],
)
def test_foreign_folders_are_refused(tmp_path, config, match):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=match):
        load_sam3(tmp_path)


def test_files_that_could_run_code_or_hold_no_tensors_are_refused(tmp_path):
    torch.save({"model": print}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="could run code"):
        load_sam3(tmp_path / "a.pt")
    torch.save([1], tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="holds list"):
        load_sam3(tmp_path / "a.pt")


def test_metas_file_alone_is_of_full_size(tmp_path):
    config = read_config(tmp_path, needed=False)
    assert config.vision_config.backbone_config.layer_norm_eps == 1e-5
    assert (config.detr_decoder_config.num_queries, config.text_config.num_hidden_layers) == (200, 24)
