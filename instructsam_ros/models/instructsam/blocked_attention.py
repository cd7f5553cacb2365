"""Attention in bfloat16 on a CPU, faster than torch's own and as exact.

torch multiplies bfloat16 queries and keys in small tiles at the speed of float32. Here scores are
float32, as there, in blocks that stay in the cache; the weighted sum of the values, for which torch
rounds the weights to bfloat16 as well, uses the processor's bfloat16 arithmetic.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

BLOCKED = "instructsam_blocked"
"""Name of this attention in transformers' table of implementations."""
BLOCK_SCORES = 2**19
"""Scores computed at a time: 2 MB."""
MIN_KEYS = 256
"""Below this torch's own attention is as fast."""


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention of transformers' interface: [B, heads, L, D] in, [B, L, heads, D] out.

    Everything that the faster way does not cover goes to torch's own attention.
    """
    causal = options.get("is_causal")
    if causal is None:
        causal = getattr(module, "is_causal", True)  # transformers' own rule
    covered = (
        query.device.type == "cpu"
        and query.dtype == torch.bfloat16
        and key.shape[-2] >= MIN_KEYS
        and key.shape[1] == query.shape[1]
        and attention_mask is None
        and not causal
        and not torch.is_grad_enabled()
    )
    if not covered:
        result: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, **options)[0]
        return result, None
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    return blocked_attention(query, key, value, scale).transpose(1, 2), None


def blocked_attention(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """softmax(scale * query key^T) value for [B, heads, L, D], each query seeing every key."""
    length, keys = query.shape[-2], key.shape[-2]
    rows = min(length, max(1, BLOCK_SCORES // keys))
    heads = max(1, BLOCK_SCORES // (rows * keys))
    output = torch.empty(query.shape, dtype=query.dtype)
    scaled, sources = query.flatten(0, 1).float() * scale, key.flatten(0, 1).float().mT.contiguous()
    values, results = value.flatten(0, 1).contiguous(), output.flatten(0, 1)
    for head in range(0, scaled.shape[0], heads):
        some = slice(head, head + heads)
        for row in range(0, length, rows):
            weights = torch.bmm(scaled[some, row : row + rows], sources[some]).softmax(-1)
            results[some, row : row + rows] = torch.bmm(weights.to(value.dtype), values[some])
    return output


AttentionInterface.register(BLOCKED, attention)
AttentionMaskInterface.register(BLOCKED, sdpa_mask)
