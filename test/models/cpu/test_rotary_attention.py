"""The ViT's attention equals upstream's, in values and gradients."""

from __future__ import annotations

import torch
from transformers.models.sam3.configuration_sam3 import Sam3ViTConfig
from transformers.models.sam3.modeling_sam3 import Sam3ViTLayer

from instructsam_ros.models.cpu.rotary_attention import RotaryAttention

torch.set_num_threads(1)


def test_equals_upstream() -> None:
    config = Sam3ViTConfig(
        hidden_size=32, intermediate_size=48, num_attention_heads=2, image_size=56, window_size=2
    )
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    for window in (0, 2):
        layer = Sam3ViTLayer(config, window)
        tokens = torch.randn(2, 4, 4, 32)
        expected = layer(tokens)
        expected.sum().backward()
        gradient = layer.attention.q_proj.weight.grad
        ours = RotaryAttention(config)
        ours.load_state_dict(layer.attention.state_dict())
        layer.attention = ours
        found = layer(tokens)
        found.sum().backward()
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(ours.q_proj.weight.grad, gradient, atol=1e-6, rtol=1e-5)
