"""Adapters change nothing until they are trained, and merge into what they compute."""

import copy

import pytest
import torch

from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam.checkpoint import load_folder, module_name
from instructsam_ros.models.instructsam.lora import load_merged, merge_lora
from instructsam_ros.training.lora import add_lora, merge_state, save_adapter
from instructsam_ros.training.objective_settings import LoraSettings


@pytest.fixture
def model(tiny_folder):
    torch.manual_seed(0)
    return load_folder(tiny_folder)


def hidden(model):
    """Output of the language model for a fixed input."""
    text = model.language.model
    ids = torch.arange(1, 9)[None] % text.embed_tokens.num_embeddings
    return text(inputs_embeds=text.embed_tokens(ids)).last_hidden_state


def train(model):
    """One step on everything that may learn."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):  # the first one moves only the half that begins as zero
        optimizer.zero_grad()
        (hidden(model).square().mean() + model.mask_queries.square().mean()).backward()
        optimizer.step()


def test_new_adapters_change_no_output_and_freeze_the_layers_of_the_language_model(model):
    before = hidden(model)
    add_lora(model, LoraSettings())
    assert torch.equal(hidden(model), before)
    assert model.language.model.embed_tokens.weight.requires_grad
    learning = [n for n, p in model.language.model.layers.named_parameters() if p.requires_grad]
    assert learning
    assert all(".lora_" in name for name in learning)
    assert len(learning) == 2 * 4 * len(model.language.model.layers)


def test_training_moves_adapters_alone_and_merging_keeps_their_outputs(model):
    plain = copy.deepcopy(model)
    add_lora(model, LoraSettings())
    before = copy.deepcopy(model.language.state_dict())
    train(model)
    for name, value in model.language.state_dict().items():
        learns = ".lora_" in name or name == "model.embed_tokens.weight"
        assert torch.equal(value, before[name]) != learns, name
    assert not torch.equal(model.mask_queries, plain.mask_queries), "other parts still learn"
    untrained = hidden(plain)
    plain.load_state_dict(merge_state(model.state_dict(), LoraSettings()))
    assert not torch.allclose(hidden(plain), untrained, atol=1e-3)
    torch.testing.assert_close(hidden(plain), hidden(model), rtol=0, atol=1e-5)


def test_a_saved_adapter_merges_into_the_checkpoint(model, tiny_folder, tmp_path):
    settings = LoraSettings(r=4, alpha=8, dropout=0.1)
    add_lora(model, settings)
    train(model.eval())
    state = model.state_dict()
    whole = {name: state[name] for name in ("mask_queries", "language.model.embed_tokens.weight")}
    save_adapter(state, settings, whole, tmp_path / "adapter")
    with TensorFiles(tiny_folder) as files:
        merged = merge_lora(dict(files), tmp_path / "adapter")
    expected = merge_state(state, settings)
    changed = [name for name in merged if ".self_attn." in name and "language_model" in name]
    assert changed
    for name in (*changed, "model.mask_queries", "model.language_model.embed_tokens.weight"):
        torch.testing.assert_close(merged[name].float(), expected[module_name(name)], rtol=0, atol=1e-6)
    loaded = load_merged(tiny_folder, tmp_path / "adapter", torch.float32, torch.device("cpu"), model.config)
    torch.testing.assert_close(hidden(loaded), hidden(model), rtol=0, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"r": 0}, {"alpha": -1}, {"dropout": 2.0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LoraSettings(**wrong)
