"""Loading of SAM3-I: the authors' file and folders of this package."""

import logging

import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3i.checkpoint import add_adapters, authors_tensors, load_sam3i, save_folder
from instructsam_ros.models.sam3i.configuration import PAPER
from instructsam_ros.models.sam3i.modeling import Route
from test.sam3_models import golden_weights, tiny_sam3i, write_meta_file


def write_authors_file(folder, **changes):
    file = write_meta_file(folder, "checkpoint.pt")
    weights = golden_weights() | changes
    torch.save({"model": weights, "epoch": 3, "inst_stage": "3"}, file)
    return file


def same(one, other):
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all(torch.equal(t, other.state_dict()[n]) for n, t in one.state_dict().items())


def test_the_authors_file_is_read_whole_and_its_second_text_tower_is_not(tmp_path, caplog):
    second = {f"backbone.text.encoder.resblocks.0.ln_{k}.weight": torch.zeros(32) for k in (1, 2)}
    with caplog.at_level(logging.WARNING):
        model = load_sam3i(write_authors_file(tmp_path, **second))
    same(model, tiny_sam3i())
    assert "2 tensors of a second text tower" in caplog.text


def test_a_folder_holds_the_same_model(tmp_path, sam3i_folder):
    same(load_sam3i(sam3i_folder), tiny_sam3i())
    model = add_adapters(sam3i_folder, PAPER)
    save_folder(model, tmp_path, like=sam3i_folder)
    again = load_sam3i(tmp_path)
    same(again, model)
    assert again.config == PAPER
    assert (tmp_path / "tokenizer.json").exists()
    assert not any(tensor.is_meta for tensor in [*again.parameters(), *again.buffers()])


def test_missing_and_unknown_tensors_are_named(tmp_path):
    weights = golden_weights()
    name = "transformer.decoder.layers.1.adapter2.norm.bias"
    weights["transformer.decoder.layers.1.adapter3.norm.bias"] = weights.pop(name)
    file = write_meta_file(tmp_path, "checkpoint.pt")
    torch.save({"model": weights}, file)
    with pytest.raises(CheckpointError) as caught:
        load_sam3i(file)
    assert "missing adapters.decoder.1.complex.norm.bias" in str(caught.value)
    assert "unexpected net.detr_decoder.layers.1.adapter3.norm.bias" in str(caught.value)


def test_projectors_of_their_own_or_none_are_found():
    weights = golden_weights()
    own = {f"complex_query_proj.{leaf}": torch.zeros(3) for leaf in ("0.bias",)}
    _, config = authors_tensors(weights | own, "")
    assert config.projector == "separate"
    _, config = authors_tensors(
        {n: t for n, t in weights.items() if "query_proj" not in n and "concept" not in n}, ""
    )
    assert config.projector == "none"


def test_sam3_without_adapters_is_refused(tmp_path, sam3_folder):
    with pytest.raises(CheckpointError, match="without adapters: take the backend sam3"):
        load_sam3i(sam3_folder)
    with pytest.raises(CheckpointError, match="no adapters of SAM3-I"):
        load_sam3i(write_meta_file(tmp_path))


def test_fresh_adapters_on_sam3(sam3_folder):
    model = add_adapters(sam3_folder, tiny_sam3i().config, "released")
    assert all(not p.any() for p in model.adapters.text[0].simple.mha_adapter.parameters())
    assert model.adaptation(Route.CONCEPT) is None
