"""The bfloat16 attention of the CPU is as close to exact as torch's, and only used where it is right."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.instructsam import blocked_attention
from instructsam_ros.models.instructsam.blocked_attention import attention

torch.set_num_threads(1)


def heads(length: int, seed: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    drawn = torch.randn(2, length, 3, 8, generator=torch.Generator().manual_seed(seed))
    return drawn.to(dtype).transpose(1, 2)


@pytest.mark.parametrize("block", [1, 700, 2**19])
@pytest.mark.parametrize(("rows", "keys"), [(300, 300), (7, 260)])
def test_as_close_to_exact_as_torch(
    monkeypatch: pytest.MonkeyPatch, block: int, rows: int, keys: int
) -> None:
    monkeypatch.setattr(blocked_attention, "BLOCK_SCORES", block)
    query, key, value = heads(rows, 0), heads(keys, 1), heads(keys, 2)
    exact = F.scaled_dot_product_attention(query.double(), key.double(), value.double(), scale=0.5)
    torchs = F.scaled_dot_product_attention(query, key, value, scale=0.5)
    with torch.inference_mode():
        found, _ = attention(nn.Module(), query, key, value, None, scaling=0.5, is_causal=False)
    assert found.shape == (2, rows, 3, 8)
    error = (found.transpose(1, 2) - exact).norm()
    assert error < 1.5 * (torchs - exact).norm()


@pytest.mark.parametrize("case", ["float32", "gradients", "mask", "few keys", "causal"])
def test_elsewhere_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    def refuse(*_args: object) -> Tensor:
        raise AssertionError("this case is not covered")

    monkeypatch.setattr(blocked_attention, "blocked_attention", refuse)
    dtype = torch.float32 if case == "float32" else torch.bfloat16
    keys = 20 if case == "few keys" else 300
    query, key, value = heads(9, 0, dtype), heads(keys, 1, dtype), heads(keys, 2, dtype)
    mask = (torch.arange(keys) < 5)[None, None, None] if case == "mask" else None
    with torch.set_grad_enabled(case == "gradients"):
        found, _ = attention(nn.Module(), query, key, value, mask, is_causal=case == "causal")
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=case == "causal")
    torch.testing.assert_close(found.transpose(1, 2), expected, atol=1e-2, rtol=0)  # one unit of bfloat16
