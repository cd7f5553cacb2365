"""Teacher-forced forward pass of a model that writes one [SEG] per instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.models.instructsam.compact.pointer import Readout
from instructsam_ros.models.instructsam.detector import Memory, Phrases
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.seg_token import presence_logits
from instructsam_ros.training.objectives.compact.batches import SceneBatch
from instructsam_ros.training.objectives.compact.forward import SceneOutput, forward_language, phrases_of

NEVER = -30.0
"""Score of slots behind the end of an answer, which say nothing and cost nothing."""


def forward_seg_tokens(model: InstructSam, batch: SceneBatch) -> SceneOutput:
    """As forward_scene. A row has as many queries as instances, at most num_queries; its scores are the
    logits of another [SEG] against the end, after the phrase and after each [SEG].
    """
    output, hidden = forward_language(model, batch)
    rows, tokens = batch.rows, model.config.tokens
    counts = rows.queries.sum(1).clamp(max=model.config.num_queries)
    slots = min(int(counts.max()) + 1, model.config.num_queries)
    # From the end of the phrase on; behind the end of an answer, whatever stands there.
    first = (rows.ids == tokens.ref_end).int().argmax(1)
    places = first[:, None] + torch.arange(slots + 1, device=first.device)
    states = hidden[
        torch.arange(len(hidden), device=first.device)[:, None], places.clamp(max=hidden.shape[1] - 1)
    ]
    decided = torch.arange(slots, device=first.device) <= counts[:, None]
    scores = presence_logits(model.language, tokens, states[:, :-1])
    phrases = phrases_of(model, rows)
    memory = output.detector.condition(output.image, output.image_index, phrases)
    readouts = _point(output, model.mask_hidden_fcs(states[:, 1:]), memory, phrases, counts.tolist())
    return replace(
        output,
        query_states=states[:, :1],
        phrase_memory=memory.tokens,
        readouts=tuple(replace(each, score_logits=torch.where(decided, scores, NEVER)) for each in readouts),
    )


def _point(
    output: SceneOutput, queries: Tensor, memory: Memory, phrases: Phrases, counts: Sequence[int]
) -> list[Readout]:
    """Read out the first counts[r] of the queries [R, S, C] of every row, rows with as many together, so that
    queries see what they see at inference; of a row without any, one that nothing uses.
    """
    order: list[int] = []
    parts: list[tuple[Readout, ...]] = []
    for count in sorted(set(counts)):
        chosen = [row for row, each in enumerate(counts) if each == count]
        found = output.detector.point(
            queries[chosen, : max(count, 1)],
            replace(memory, tokens=memory.tokens[chosen]),
            output.image.values.rows(output.image_index[chosen]),
            Phrases(phrases.embeds[chosen], phrases.mask[chosen]),
        )
        order += chosen
        parts.append(tuple(_padded(readout, queries.shape[1]) for readout in found))
    back = torch.tensor(order, device=queries.device).argsort()
    return [_joined(layer, back) for layer in zip(*parts, strict=True)]


def _padded(readout: Readout, slots: int) -> Readout:
    """Fill up the fields that have a row per query, [n, Q, C]; the scores, [n, Q], too."""
    missing = slots - readout.attention.shape[1]
    filled = {
        f.name: F.pad(value, (0, 0, 0, missing))
        for f in fields(readout)
        if (value := getattr(readout, f.name)).ndim == 3
    }
    return replace(readout, score_logits=F.pad(readout.score_logits, (0, missing)), **filled)


def _joined(parts: Sequence[Readout], order: Tensor) -> Readout:
    """Join rows of several read-outs and put them in order, int64 [R]."""
    return Readout(
        **{f.name: torch.cat([getattr(part, f.name) for part in parts])[order] for f in fields(Readout)}
    )
