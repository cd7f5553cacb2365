"""Adapters against arrays of the authors' modules."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from instructsam_ros.models.sam3.layers import text_layer
from instructsam_ros.models.sam3i.adapters import Chain, PixelAdapter, TextAdapter, TokenAdapter, projector


@pytest.fixture(scope="module")
def golden(sam3i_golden):
    return load_file(sam3i_golden / "adapter_modules.safetensors")


def part(golden, name):
    prefix = f"{name}.w."
    return {key.removeprefix(prefix): tensor for key, tensor in golden.items() if key.startswith(prefix)}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("text_adapter", TextAdapter(32, 8, 4, 0.1)),
        ("enc_adapter_noskip", TokenAdapter(32, 8)),
        ("enc_adapter_skip", TokenAdapter(32, 8, skip=True)),
        ("dec_adapter", TokenAdapter(32, 8)),
        ("conv_adapter", PixelAdapter(32, 8)),
    ],
)
def test_adapters_are_those_of_the_release(golden, name, module):
    module.load_state_dict(part(golden, name))
    torch.testing.assert_close(module.eval()(golden[f"{name}.x"]), golden[f"{name}.y"], atol=2e-6, rtol=1e-5)


def clip_layer(weights):
    config = CLIPTextConfig(hidden_size=32, intermediate_size=128, num_attention_heads=4, hidden_act="gelu")
    config._attn_implementation = "sdpa"
    layer = CLIPEncoderLayer(config).eval()
    named = {
        "layer_norm1.weight": "ln_1.weight", "layer_norm1.bias": "ln_1.bias",
        "layer_norm2.weight": "ln_2.weight",
        "layer_norm2.bias": "ln_2.bias", "mlp.fc1.weight": "mlp.c_fc.weight", "mlp.fc1.bias": "mlp.c_fc.bias",
        "mlp.fc2.weight": "mlp.c_proj.weight", "mlp.fc2.bias": "mlp.c_proj.bias",
        "self_attn.out_proj.weight": "attn.out_proj.weight", "self_attn.out_proj.bias": "attn.out_proj.bias",
    }  # fmt: skip
    state = {ours: weights[theirs] for ours, theirs in named.items()}
    for kind in ("weight", "bias"):
        parts = weights[f"attn.in_proj_{kind}"].chunk(3)
        state |= {f"self_attn.{k}_proj.{kind}": v for k, v in zip("qkv", parts, strict=True)}
    layer.load_state_dict(state)
    return layer


def test_a_text_layer_with_adapters_and_its_gradient_are_those_of_the_release(golden):
    """Types 1 to 4: concept, simple, complex without gradient through the copy, complex."""
    weights = part(golden, "text_block")
    layer = clip_layer(weights)
    chain = Chain(
        lambda: TextAdapter(32, 8, 4, 0.1), lambda: TextAdapter(32, 8, 4, 0.1), own_copy=True
    ).eval()
    for member, theirs in (
        (chain.simple, "adapter1"),
        (chain.simple_copy, "adapter12"),
        (chain.complex, "adapter2"),
    ):
        member.load_state_dict(
            {n.removeprefix(f"{theirs}."): t for n, t in weights.items() if n.startswith(f"{theirs}.")}
        )
    adapters = {
        1: None,
        2: chain.run_simple,
        3: lambda stream: chain.run_complex(stream, frozen_first=True),
        4: chain.run_complex,
    }
    mask = golden["text_block.causal_mask"][None, None]
    for kind, adapter in adapters.items():
        x = golden["text_block.x"].clone().requires_grad_(True)
        y = text_layer(layer, x, mask, adapter)
        torch.testing.assert_close(y, golden[f"text_block.y{kind}"], atol=3e-6, rtol=1e-5)
        weighted = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()  # what the arrays were made with
        (gradient,) = torch.autograd.grad(weighted, x)
        torch.testing.assert_close(gradient, golden[f"text_block.dx{kind}"], atol=3e-6, rtol=1e-5)


def test_a_chain_without_a_copy_shares_the_simple_adapter():
    chain = Chain(lambda: TokenAdapter(4, 2), lambda: TokenAdapter(4, 2), own_copy=False)
    assert chain.first is chain.simple
    x = torch.randn(1, 3, 4)
    torch.testing.assert_close(chain.run_complex(x), chain.complex(chain.simple(x)))


def test_a_projector_has_four_layers_as_in_the_release():
    assert [type(layer) for layer in projector(8)] == [nn.Linear, nn.LayerNorm, nn.ReLU, nn.Linear]
