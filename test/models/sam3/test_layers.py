"""Single layers against the upstream ones, bit for bit, and what an adapter does to them."""

import torch
from transformers.models.sam3.modeling_sam3 import Sam3DetrDecoderLayer, Sam3DetrEncoderLayer

from instructsam_ros.models.sam3.layers import decoder_layer, encoder_layer
from test.sam3_models import tiny_config


def test_an_encoder_layer_is_the_upstream_one():
    torch.manual_seed(0)
    layer = Sam3DetrEncoderLayer(tiny_config().detr_encoder_config).eval()
    layer.config._attn_implementation = "sdpa"
    tokens, position, prompt = torch.randn(2, 9, 32), torch.randn(2, 9, 32), torch.randn(2, 5, 32)
    plain = encoder_layer(layer, tokens, position, prompt, None, None)
    assert torch.equal(plain, layer(tokens, prompt, position))
    added = encoder_layer(layer, tokens, position, prompt, None, torch.ones_like)
    torch.testing.assert_close(added, plain + 1)


def test_a_decoder_layer_is_the_upstream_one_and_extra_queries_skip_self_attention():
    torch.manual_seed(0)
    layer = Sam3DetrDecoderLayer(tiny_config().detr_decoder_config).eval()
    layer.config._attn_implementation = "sdpa"
    hidden, position = torch.randn(2, 7, 32), torch.randn(2, 6, 32)
    tokens, prompt, bias = torch.randn(2, 9, 32), torch.randn(2, 5, 32), torch.randn(2, 4, 7, 9)
    arguments = (tokens, torch.zeros_like(tokens), bias, prompt, None, None)
    plain = decoder_layer(layer, hidden, position, *arguments, attending=7)
    upstream = layer(hidden, position, prompt, tokens, torch.zeros_like(tokens), None, bias)
    assert torch.equal(plain, upstream)
    changed = hidden.clone()
    changed[:, 5] += 1
    apart = decoder_layer(layer, hidden, position, *arguments, attending=4)
    other = decoder_layer(layer, changed, position, *arguments, attending=4)
    moved = (apart - other).abs().amax((0, 2)) > 0
    assert moved.tolist() == [index == 5 for index in range(7)]
