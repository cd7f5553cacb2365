"""Instructions and answers as padded token rows, with the labels of the masked language loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

IGNORE = -100


@dataclass(frozen=True)
class TokenRows:
    """R rows that follow the image prefix: words, end of turn, one phrase, one query block or [SEG] tokens.

    ids: int64 [R, L]. valid: bool [R, L]. queries: bool [R, L], True on query slots and [SEG]. labels:
    int64 [R, L], the token that follows, IGNORE where nothing is learned. phrase_ids: int64
    [R, P] and phrase_valid: bool [R, P], the phrase without its markers.
    """

    ids: Tensor
    valid: Tensor
    queries: Tensor
    labels: Tensor
    phrase_ids: Tensor
    phrase_valid: Tensor

    def to(self, device: torch.device) -> TokenRows:
        """A copy with every tensor on ``device``."""
        return TokenRows(**{name: value.to(device) for name, value in vars(self).items()})


def encode_rows(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    phrases: Sequence[str],
    num_queries: int,
    rng: np.random.Generator | None = None,
    idle: frozenset[int] = frozenset(),
    unknown_share: float = 0.0,
    instances: Sequence[int] | None = None,
) -> TokenRows:
    """Token rows for training: ``{text}<|im_end|><ref>{phrase}</ref><mask>[SEG]*Q</mask><|im_end|>``.

    instances: of every row, where the model writes a [SEG] for each of them; the answer is then
    ``<ref>{phrase}</ref>[SEG]*instances<|im_end|>``, and all of it is learned.

    Learned tokens (InstructSAM training, arXiv 2605.26102): everything from the opening marker to
    the start of the query block, and what follows the block; never the query slots themselves.
    ``unknown_share`` of the words in ``idle`` become <unk>: users say them in words that no training knew.
    """
    special: dict[str, int] = {name: i for name, i in tokenizer.get_vocab().items() if name[0] in "<["}
    end, unknown = special["<|im_end|>"], special["<unk>"]
    rows, phrase_rows = [], []
    counts = [None] * len(texts) if instances is None else instances
    for text, phrase, count in zip(texts, phrases, counts, strict=True):
        words = tokenizer.encode(text, add_special_tokens=False).ids
        if rng is not None and unknown_share > 0:
            dropped = rng.random(len(words)) < unknown_share
            words = [
                unknown if drop and word in idle else word for word, drop in zip(words, dropped, strict=True)
            ]
        name = tokenizer.encode(phrase, add_special_tokens=False).ids
        prompt = [*words, end]
        opening = [special["<|object_ref_start|>"], *name, special["<|object_ref_end|>"]]
        if count is None:
            answer = [*opening, special["<|mask_start|>"]]
            block = [*[special["[SEG]"]] * num_queries, special["<|mask_end|>"]]
        else:
            answer, block = [*opening, *[special["[SEG]"]] * count], []
        ids = [*prompt, *answer, *block, end]
        labels = [IGNORE] * (len(prompt) - 1) + answer + [IGNORE] * len(block) + [end, IGNORE]
        rows.append((ids, labels))
        phrase_rows.append(name)
    queries = special["[SEG]"]
    padded = _pad([r[0] for r in rows], special["<pad>"])
    lengths = torch.tensor([len(r[0]) for r in rows])
    phrase_lengths = torch.tensor([len(p) for p in phrase_rows])
    phrase_ids = _pad(phrase_rows, special["<pad>"])
    return TokenRows(
        ids=padded,
        valid=torch.arange(padded.shape[1])[None] < lengths[:, None],
        queries=padded == queries,
        labels=_pad([r[1] for r in rows], IGNORE),
        phrase_ids=phrase_ids,
        phrase_valid=torch.arange(phrase_ids.shape[1])[None] < phrase_lengths[:, None],
    )


def _pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    length = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows], dtype=torch.int64)
