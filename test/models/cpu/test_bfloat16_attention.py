"""The bfloat16 attention of the CPU is close to exact, and only used where it is right."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from instructsam_ros.models.cpu import bfloat16_attention
from instructsam_ros.models.cpu.bfloat16_attention import all_to_all, attention

torch.set_num_threads(1)

SCALE = 0.3


def heads(length: int, seed: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    drawn = torch.randn(2, length, 3, 16, generator=torch.Generator().manual_seed(seed))
    return drawn.to(dtype).transpose(1, 2)


def error(found: Tensor, query: Tensor, key: Tensor, value: Tensor) -> float:
    """Of an attention's output, against float64 and as a share of it."""
    exact = F.scaled_dot_product_attention(query.double(), key.double(), value.double(), scale=SCALE)
    return float((found - exact).norm() / exact.norm())


@settings(max_examples=25, deadline=None)
@given(
    queries=st.integers(1, 40),
    keys=st.integers(1, 300),
    rows=st.integers(1, 50),
    sharpness=st.floats(0.1, 3.0),
    seed=st.integers(0, 99),
)
def test_close_to_exact(queries: int, keys: int, rows: int, sharpness: float, seed: int) -> None:
    query, key, value = heads(queries, seed) * sharpness, heads(keys, seed + 1), heads(keys, seed + 2)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(bfloat16_attention, "MAX_ROWS", rows)
        found = all_to_all(query, key, value, SCALE)
    torchs = F.scaled_dot_product_attention(query, key, value, scale=SCALE)
    assert found.shape == torchs.shape
    assert error(found, query, key, value) < 4 * error(torchs, query, key, value) + 1e-3


def test_scores_that_are_all_large() -> None:
    """As most are where keys have much in common, which by itself changes no weight."""
    query, key, value = heads(200, 0), heads(300, 1) * 0.5, heads(300, 2)
    query[..., 0], key[..., 0] = 16.0, 16.0  # 77 more in every score
    with torch.inference_mode():
        found = all_to_all(query, key, value, SCALE)
        rounded = (query @ key.mT * SCALE).softmax(-1) @ value
    assert error(found, query, key, value) < 0.01
    assert error(rounded, query, key, value) > 0.05, "scores that are rounded whole would do as well"


@pytest.mark.parametrize(
    "case", ["float32", "gradients", "mask", "few keys", "causal", "dropout", "processor"]
)
def test_elsewhere_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    def refuse(*_args: object) -> Tensor:
        raise AssertionError("this case is not covered")

    monkeypatch.setattr(bfloat16_attention, "all_to_all", refuse)
    monkeypatch.setattr(bfloat16_attention, "computes_bfloat16", lambda _: case != "processor")
    dtype = torch.float32 if case == "float32" else torch.bfloat16
    keys = 20 if case == "few keys" else 300
    query, key, value = heads(9, 0, dtype), heads(keys, 1, dtype), heads(keys, 2, dtype)
    mask = (torch.arange(keys) < 5)[None, None, None] if case == "mask" else None
    causal, dropout = case == "causal", 1e-9 if case == "dropout" else 0.0
    with torch.set_grad_enabled(case == "gradients"):
        found, _ = attention(
            nn.Module(), query, key, value, mask, scaling=SCALE, is_causal=causal, dropout=dropout
        )
    expected = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=SCALE
    )
    torch.testing.assert_close(found.transpose(1, 2), expected, atol=1e-2, rtol=0)  # one unit of bfloat16


def test_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bfloat16_attention, "computes_bfloat16", lambda _: True)
    query, key, value = heads(9, 0), heads(300, 1), heads(300, 2)
    with torch.inference_mode():
        found, _ = attention(nn.Module(), query, key, value, None, scaling=SCALE, is_causal=False)
        expected = all_to_all(query, key, value, SCALE)
    assert torch.equal(found.transpose(1, 2), expected)
