"""The last layer for some rows equals those rows of upstream's layer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextDecoderLayer

from instructsam_ros.models.cpu.last_layer import LastLayer
from instructsam_ros.models.cpu.optimize import select_rows_in_last_layer
from instructsam_ros.models.instructsam.language import LanguageModel, decoding_mask

torch.set_num_threads(1)
SETTINGS = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
}
OUTPUT_INDICES = torch.tensor([5, 2, 3, 6])


@pytest.fixture
def language() -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(SETTINGS).eval()
    select_rows_in_last_layer(model)
    return model


@torch.inference_mode()
def states(
    language: LanguageModel, past: int, masked: bool, output_indices: Tensor | None, levels: int
) -> Tensor:
    """Of 7 tokens behind ``past`` others; the second and third are of an image, on ``levels`` levels."""
    generator = torch.Generator().manual_seed(1)
    embeds = torch.randn(1, past + 7, 32, generator=generator)
    deepstack = tuple(torch.randn(2, 32, generator=generator) for _ in range(levels))
    visual = torch.tensor([[False, True, True, False, False, False, False]])
    cache = language.new_cache()
    positions = torch.arange(past + 7)[None]
    if past:
        language(embeds[:, :past], positions[:, :past], None, cache)
    mask = decoding_mask(past, 7, [1], 3, True, torch.device("cpu")) if masked else None
    found = language(embeds[:, past:], positions[:, past:], mask, cache, visual, deepstack, output_indices)
    assert cache.get_seq_length() == past + 7
    return found


@pytest.mark.parametrize("past", [0, 4])
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_wanted_rows_are_those_of_all(language: LanguageModel, past: int, levels: int) -> None:
    every = states(language, past, True, None, levels)
    found = states(language, past, True, OUTPUT_INDICES, levels)
    torch.testing.assert_close(found, every[:, OUTPUT_INDICES], atol=1e-5, rtol=0)


def test_causal_rows_are_those_of_all(language: LanguageModel) -> None:
    every = states(language, 0, False, None, 1)
    torch.testing.assert_close(
        states(language, 0, False, OUTPUT_INDICES, 1), every[:, OUTPUT_INDICES], atol=1e-5, rtol=0
    )


def test_equals_upstream_and_leaves_the_same_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Qwen3VLTextConfig(**SETTINGS)
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    upstream, ours = Qwen3VLTextDecoderLayer(config, 0).eval(), LastLayer(config, 0).eval()
    ours.load_state_dict(upstream.state_dict())
    computed: list[int] = []
    project: Callable[[Tensor], Tensor] = ours.self_attn.q_proj.forward
    monkeypatch.setattr(ours.self_attn.q_proj, "forward", lambda x: computed.append(x.shape[1]) or project(x))
    tokens, angles = torch.randn(2, 7, 32), torch.rand(2, 7, 8).repeat(1, 1, 2)
    rotary, mask = (angles.cos(), angles.sin()), decoding_mask(0, 7, [1], 3, False, torch.device("cpu"))
    theirs, own = DynamicCache(config=config), DynamicCache(config=config)
    with torch.inference_mode():
        expected = upstream(tokens, rotary, mask, past_key_values=theirs)[:, OUTPUT_INDICES]
        found = ours(tokens, rotary, mask, past_key_values=own, output_indices=OUTPUT_INDICES)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(own.layers[0].keys, theirs.layers[0].keys, atol=1e-6, rtol=0)
    torch.testing.assert_close(own.layers[0].values, theirs.layers[0].values, atol=0, rtol=0)
    assert computed == [len(OUTPUT_INDICES)], "other rows are computed, too"
