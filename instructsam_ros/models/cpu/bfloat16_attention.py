"""Attention over many keys in bfloat16 on a CPU, with both products in the processor's bfloat16 arithmetic.

torch's own attention keeps scores in float32 and multiplies at the speed of float32. Here they are bfloat16,
whose rounding error grows with the magnitude. A softmax does not change when a constant is subtracted from a
row of scores, so the largest of a few scores of each row is subtracted within the product, which makes the
scores with large weights small. The error of an encoder's features equals that of torch's own attention
(docs/speed.md).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from instructsam_ros.models.common.device import computes_bfloat16

NAME = "instructsam_bfloat16"
"""Name in transformers' table of attention implementations."""
MIN_KEYS = 256
"""Number of keys below which torch's own attention is as fast."""
MAX_ROWS = 768
"""Number of queries per head whose scores are in memory at a time."""
SAMPLED = 8
"""Interval of the keys that are used to estimate the magnitude of scores."""


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
        query.dtype == torch.bfloat16
        and computes_bfloat16(query.device)
        and key.shape[-2] >= MIN_KEYS
        and key.shape[1] == query.shape[1]
        and attention_mask is None
        and not causal
        and not options.get("dropout")
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
    )
    if not covered:
        result: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, **options)[0]
        return result, None
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    return all_to_all(query, key, value, scale).transpose(1, 2), None


def all_to_all(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Compute softmax(scale * query key^T) value for bfloat16 [B, heads, L, D], without a mask."""
    queries, keys, values = (heads.flatten(0, 1) for heads in (query, key, value))
    queries, keys = with_offset(queries, keys)
    keys = keys.transpose(1, 2)
    count, length, width = len(values), query.shape[2], value.shape[3]
    output = values.new_empty(count, length, width)
    at_once = torch.get_num_threads()  # heads, so that each thread has one
    rows = math.ceil(length / math.ceil(length / MAX_ROWS))
    memory = values.new_empty(at_once * rows * keys.shape[2])
    for head in range(0, count, at_once):
        some = slice(head, head + at_once)
        for row in range(0, length, rows):
            asking = queries[some, row : row + rows]
            size = (*asking.shape[:2], keys.shape[2])
            scores = memory[: math.prod(size)].view(size)
            # Scaled before it is rounded, which queries times scale would not be.
            torch.baddbmm(scores, asking, keys[some], beta=0, alpha=scale, out=scores)
            torch.softmax(scores, -1, out=scores)
            output[some, row : row + rows] = torch.bmm(scores, values[some])
    return output.view(*query.shape[:3], width)


def with_offset(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Both [n, L, D] with two more channels, which take about its maximum off each row of scores."""
    largest = torch.bmm(queries, keys[:, ::SAMPLED].transpose(1, 2)).amax(-1, keepdim=True)
    one = torch.ones_like(keys[..., :1])
    nothing = torch.zeros_like(largest)  # oneDNN is slower with an odd number of channels
    return torch.cat([queries, -largest, nothing], -1), torch.cat([keys, one, one], -1)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
