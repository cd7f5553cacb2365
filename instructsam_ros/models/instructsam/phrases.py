"""Phrases in an answer, and their batching."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from instructsam_ros.models.instructsam.tokens import TokenIds

MAX_PHRASE_TOKENS = 32


def phrase_spans(ids: Sequence[int], tokens: TokenIds) -> dict[int, tuple[int, int]]:
    """End marker index -> (start, stop) of every closed phrase in ``ids``, markers included.

    A phrase runs from the first start marker after the last phrase to the next end marker. A start
    that nothing closes, or an end that nothing opened, makes no phrase.
    """
    spans: dict[int, tuple[int, int]] = {}
    start: int | None = None
    for index, token in enumerate(ids):
        if token == tokens.ref_start and start is None:
            start = index
        elif token == tokens.ref_end and start is not None:
            spans[index] = (start, index + 1)
            start = None
    return spans


def embedded_ids(span: Sequence[int], with_markers: bool) -> list[int]:
    """The tokens of a phrase that are embedded: with or without its markers, at most 32."""
    ids = list(span) if with_markers else list(span[1:-1])
    return ids[:MAX_PHRASE_TOKENS]


def pad_phrases(
    phrases: Sequence[Sequence[int]], device: torch.device, min_length: int = 0
) -> tuple[Tensor, Tensor]:
    """Token ids int64 [n, T] and mask bool [n, T], T being the longest phrase or ``min_length``.

    Padding is masked wherever phrases are read, so T changes no result beyond rounding.
    """
    length = max(min_length, *map(len, phrases))
    ids = torch.zeros(len(phrases), length, dtype=torch.int64)
    mask = torch.zeros(len(phrases), length, dtype=torch.bool)
    for row, phrase in enumerate(phrases):
        ids[row, : len(phrase)] = torch.tensor(phrase)
        mask[row, : len(phrase)] = True
    return ids.to(device), mask.to(device)
