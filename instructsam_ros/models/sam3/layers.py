"""Single layers of SAM 3, composed of upstream modules so that an adapter can join the residual stream.

Without an adapter each computes what the upstream layer computes, operation by operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Adapter = Callable[[Tensor], Tensor]


def text_layer(layer: Any, hidden: Tensor, mask: Tensor | None, adapter: Adapter | None) -> Tensor:
    """Run a CLIP layer on tokens [B, T, W]. mask: causal, or None for sdpa's own.

    adapter: takes the place of the stream in the last sum; the feed-forward part reads the stream itself.
    """
    attended, _ = layer.self_attn(
        hidden_states=layer.layer_norm1(hidden), attention_mask=mask, is_causal=True
    )
    stream = hidden + attended
    mixed: Tensor = layer.mlp(layer.layer_norm2(stream))
    return (stream if adapter is None else adapter(stream)) + mixed


def encoder_layer(
    layer: Any, tokens: Tensor, position: Tensor, prompt: Tensor, mask: Tensor | None, adapter: Adapter | None
) -> Tensor:
    """Run a layer of the fusion encoder on image tokens [B, N, C]; prompt: [B, T, C].

    adapter: its output is added to the last sum.
    """
    normed = layer.layer_norm1(tokens)
    placed = normed + position
    attended, _ = layer.self_attn(query=placed, key=placed, value=normed)
    tokens = layer.dropout(attended) + tokens
    read, _ = layer.cross_attn(query=layer.layer_norm2(tokens), key=prompt, value=prompt, attention_mask=mask)
    stream = layer.dropout(read) + tokens
    mixed: Tensor = layer.dropout(layer.mlp(layer.layer_norm3(stream)))
    result: Tensor = mixed + (stream if adapter is None else stream + adapter(stream))
    return result


def decoder_layer(
    layer: Any,
    hidden: Tensor,
    position: Tensor,
    tokens: Tensor,
    token_position: Tensor,
    bias: Tensor,
    prompt: Tensor,
    mask: Tensor | None,
    adapter: Adapter | None,
    attending: int,
) -> Tensor:
    """Run a decoder layer on the presence token and the queries, [B, 1 + Q, C].

    position: [B, Q, C]. tokens: [B, N, C]. bias: [B, heads, 1 + Q, N]. attending: the first so many rows
    attend to each other, the others (one-to-many queries) skip that step.
    """
    position = F.pad(position, (0, 0, 1, 0))
    first, rest = hidden[:, :attending], hidden[:, attending:]
    placed = first + position[:, :attending]
    attended, _ = layer.self_attn(query=placed, key=placed, value=first)
    first = first + layer.self_attn_dropout(attended)
    hidden = layer.self_attn_layer_norm(first if not rest.shape[1] else torch.cat([first, rest], 1))
    read, _ = layer.text_cross_attn(query=hidden + position, key=prompt, value=prompt, attention_mask=mask)
    hidden = layer.text_cross_attn_layer_norm(hidden + layer.text_cross_attn_dropout(read))
    seen, _ = layer.vision_cross_attn(
        query=hidden + position, key=tokens + token_position, value=tokens, attention_mask=bias
    )
    hidden = layer.vision_cross_attn_layer_norm(hidden + layer.vision_cross_attn_dropout(seen))
    stream = hidden if adapter is None else hidden + adapter(hidden)
    result: Tensor = layer.mlp_layer_norm(stream + layer.mlp_dropout(layer.mlp(hidden)))
    return result
