"""Hybrid attention masks and token positions of the language model.

Text is causal; the mask queries of one phrase see each other in both directions. Masks are bool,
True where a row may look, and broadcast over heads: [B, 1, rows, keys].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK_EXTRA = 3
"""Tokens of a query block besides its queries: ref_end, mask_start and mask_end."""


def answer_mask(
    past: int,
    length: int,
    blocks: Sequence[int],
    num_queries: int,
    queries_see_mask_end: bool,
    device: torch.device,
) -> Tensor:
    """Mask of ``length`` new tokens behind ``past`` cached ones: bool [1, 1, length, past + length].

    blocks: index of each block's ref_end among the new tokens; its queries start two further on.
    """
    mask = torch.ones(length, past + length, dtype=torch.bool, device=device).tril(past)
    for start in blocks:
        first, last = start + 2, start + 2 + num_queries
        mask[first:last, past + first : past + last + queries_see_mask_end] = True
    return mask[None, None]


def training_mask(valid: Tensor, query: Tensor) -> Tensor:
    """Mask for teacher forcing: bool [B, 1, L, L].

    valid: bool [B, L], False on padding. query: bool [B, L], True on mask queries; each unbroken
    run is one block.
    """
    length = valid.shape[1]
    before = torch.nn.functional.pad(query[:, :-1], (1, 0))
    run = (query & ~before).cumsum(1)
    same_block = query[:, :, None] & query[:, None, :] & (run[:, :, None] == run[:, None, :])
    square = torch.ones(length, length, dtype=torch.bool, device=valid.device)
    mask = (square.tril() & valid[:, None, :]) | same_block
    # Padding in front of a sequence would see nothing, and attention over nothing is not a number.
    blind = ~mask.any(-1, keepdim=True)
    return (mask | (blind & torch.eye(length, dtype=torch.bool, device=valid.device)))[:, None]


def grid_positions(ids: Tensor, image_token: int, grid: tuple[int, int]) -> Tensor:
    """M-RoPE positions (time, row, column) of one sequence with at most one image: int64 [3, L].

    Text counts on in all three; image tokens share one time and carry row and column; text after
    the image goes on behind the larger side of its grid (Qwen2-VL, arXiv:2409.12191, section 2.1).
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
