"""Grounded noun phrases of instructions: their tokens and their objects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor


@dataclass(frozen=True)
class Mentions:
    """row: int64 [K], token: int64 [K], the last token of every noun phrase in its row. instances: its
    objects, indices into the instances of the batch; empty for absent objects.
    """

    row: Tensor
    token: Tensor
    instances: tuple[tuple[int, ...], ...]

    def to(self, device: torch.device) -> Mentions:
        """A copy with every tensor on ``device``."""
        return Mentions(self.row.to(device), self.token.to(device), self.instances)


Named = tuple[str, tuple[int, ...]]
"""A noun phrase and its instances, none for absent objects."""


def locate_mentions(tokenizer: Tokenizer, texts: Sequence[str], named: Sequence[Sequence[Named]]) -> Mentions:
    """Find the noun phrases of every text among its tokens, in the order of the text."""
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for row, (text, phrases) in enumerate(zip(texts, named, strict=True)):
        ends = {end: i for i, (_, end) in enumerate(tokenizer.encode(text, add_special_tokens=False).offsets)}
        located: list[tuple[int, int]] = []  # character spans
        for phrase, instances in sorted(phrases, key=lambda named: -len(named[0])):
            # Longest first: "the orange can" does not contain a mention of "the orange".
            matches = re.finditer(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE)
            free = (m for m in matches if not any(a <= m.start() < b for a, b in located))
            match = next(free, None)
            if match is None:
                continue
            located.append(match.span())
            if match.end() in ends:
                found.append((row, ends[match.end()], instances))
    found.sort()
    return Mentions(
        row=torch.tensor([row for row, _, _ in found], dtype=torch.int64),
        token=torch.tensor([token for _, token, _ in found], dtype=torch.int64),
        instances=tuple(instances for _, _, instances in found),
    )
