"""The language model: transformers' Qwen3-VL text stack with its tied output head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, Qwen3VLTextConfig, Qwen3VLTextModel

from instructsam_ros.models.instructsam.inference_mode import InferenceMode


class LanguageModel(nn.Module):
    """Embeds tokens, runs the decoder layers and predicts with the transposed embedding."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """settings: keyword arguments of ``transformers.Qwen3VLTextConfig``."""
        super().__init__()
        config = Qwen3VLTextConfig(**settings)
        config._attn_implementation = "sdpa"
        self.model = Qwen3VLTextModel(config)

    def new_cache(self) -> DynamicCache:
        """Create an empty key-value cache."""
        return DynamicCache(config=self.model.config)

    def embed(self, ids: Tensor) -> Tensor:
        """Compute input embeddings [..., D] of token ids [...]."""
        embeddings: Tensor = self.model.embed_tokens(ids)
        return embeddings

    def forward(
        self,
        embeds: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        cache: DynamicCache | None = None,
        visual_mask: Tensor | None = None,
        deepstack: Sequence[Tensor] = (),
        output_indices: Tensor | None = None,
    ) -> Tensor:
        """Compute hidden states [B, L, D] after the last norm; with ``output_indices``, int64 [n], only
        those rows.

        embeds: [B, L, D]. positions: int64 [3, B, L] (M-RoPE), [4, B, L] or [B, L]. mask: bool
        [B, 1, L, past + L], or None for causal. cache: grows by L tokens when given. visual_mask:
        bool [B, L], True on image tokens. deepstack: one [image tokens, D] per early layer.
        """
        if positions.ndim == 2:
            positions = positions.expand(3, -1, -1)
        output = self.model(
            inputs_embeds=embeds,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
            visual_pos_masks=visual_mask,
            deepstack_visual_embeds=list(deepstack) or None,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden if output_indices is None else hidden[:, output_indices]

    def logits(self, hidden: Tensor) -> Tensor:
        """Compute next-token logits [..., vocabulary] of hidden states [..., D]."""
        return F.linear(hidden, self.model.embed_tokens.weight)


def fork_cache(cache: DynamicCache, like: LanguageModel, length: int | None = None) -> DynamicCache:
    """Create a cache with the first ``length`` tokens of ``cache``, by default all, that grows independently.

    Keys and values are shared, not copied: growing a DynamicCache creates new tensors and does not modify
    the old ones, so any number of forks may share them, also across threads.
    """
    fork = like.new_cache()
    for own, layer in zip(fork.layers, cache.layers, strict=True):
        own.lazy_initialization(layer.keys, layer.values)
        own.keys, own.values = layer.keys[..., :length, :], layer.values[..., :length, :]
    return fork


BLOCK_EXTRA = 3
"""Tokens of a query block besides its queries: ref_end, mask_start and mask_end."""


def decoding_mask(
    past: int,
    length: int,
    blocks: Sequence[int],
    num_queries: int,
    mode: InferenceMode,
    device: torch.device,
) -> Tensor:
    """Build the mask of ``length`` new tokens after ``past`` cached ones: bool [1, 1, length, past + length].

    blocks: index of each block's ref_end among the new tokens; its queries start two further on.
    """
    mask = torch.ones(length, past + length, dtype=torch.bool, device=device).tril(past)
    for start in blocks if mode.hybrid_attention else ():
        first, last = start + 2, start + 2 + num_queries
        mask[first:last, past + first : past + last + mode.queries_see_mask_end] = True
    return mask[None, None]


def training_mask(valid: Tensor, query: Tensor, hybrid_attention: bool = True) -> Tensor:
    """Build the mask for teacher forcing: bool [B, 1, L, L].

    valid: bool [B, L], False on padding. query: bool [B, L], True on mask queries; each contiguous
    run is one block.
    """
    length = valid.shape[1]
    before = torch.nn.functional.pad(query[:, :-1], (1, 0))
    run = (query & ~before).cumsum(1)
    same_block = query[:, :, None] & query[:, None, :] & (run[:, :, None] == run[:, None, :])
    square = torch.ones(length, length, dtype=torch.bool, device=valid.device)
    mask = (square.tril() & valid[:, None, :]) | (same_block & hybrid_attention)
    # Rows without any key, padding before a sequence, attend to themselves; attention would be NaN.
    empty = ~mask.any(-1, keepdim=True)
    return (mask | (empty & torch.eye(length, dtype=torch.bool, device=valid.device)))[:, None]


def grid_positions(ids: Tensor, image_token: int, grid: tuple[int, int]) -> Tensor:
    """Compute M-RoPE positions (time, row, column) of a sequence with at most one image: int64 [3, L].

    Text increments all three; image tokens share one time and have their row and column; text after
    the image continues after the larger side of its grid (Qwen2-VL, arXiv:2409.12191, section 2.1).
    """
    length = len(ids)
    positions = torch.arange(length, device=ids.device).expand(3, -1).clone()
    image = (ids == image_token).nonzero().flatten()
    if not len(image):
        return positions
    rows, columns = grid
    first, count = int(image[0]), rows * columns
    cell = torch.arange(count, device=ids.device)
    positions[0, image] = first
    positions[1, image] = first + cell // columns
    positions[2, image] = first + cell % columns
    positions[:, first + count :] += max(rows, columns) - count
    return positions
