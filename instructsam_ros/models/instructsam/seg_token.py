"""InstructSAM with one [SEG] token per instance in place of a block of mask queries.

The token-as-mask way of LISA++ (Yang et al. 2023, arXiv 2312.17240): the language model writes a phrase, then
a [SEG] for every instance from left to right, then the end; the state of each [SEG] is a query of the
detector. How sure the model was that a [SEG] follows, rather than the end, is the score of its instance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from instructsam_ros.models.instructsam.configuration import InstructSamConfig, TokenIds
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import (
    Choose,
    DecodingPass,
    DecodingRun,
    Generation,
    Prefix,
    QueryDecoder,
)
from instructsam_ros.models.instructsam.language import LanguageModel
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import embedded_ids, phrase_spans


def presence_logits(language: LanguageModel, tokens: TokenIds, states: Tensor) -> Tensor:
    """Compute the logits [...] of another [SEG] against the end of the answer behind states [..., D]."""
    rows = language.model.embed_tokens.weight
    direction = rows[tokens.seg].float() - rows[tokens.eos[0]].float()
    logits: Tensor = states.float() @ direction
    return logits


@dataclass(frozen=True)
class SegTokenDecoder(QueryDecoder):
    """Greedy decoder of one phrase and its [SEG] tokens.

    mask_queries: [1, D], the embedding of [SEG] as an input. max_instances: an answer ends, without an end
    token, where it would have more. Generations hold the states of the end of the phrase and of every [SEG],
    each as a block of one query.
    """

    max_instances: int

    def _ended(self, ids: Sequence[int]) -> bool:
        return super()._ended(ids) or ids.count(self.tokens.seg) > self.max_instances

    def _pick(self, ids: Sequence[int], logits: Tensor, choose: Choose | None) -> int:
        """Let [SEG] or the end follow a phrase, and no [SEG] come before its end."""
        seg, others = self.tokens.seg, torch.ones_like(logits, dtype=torch.bool)
        if self.tokens.ref_end in ids:
            others[[seg, *self.tokens.eos]] = False
        else:
            others[:seg] = others[seg + 1 :] = False
        return super()._pick(ids, logits.masked_fill(others, -torch.inf), choose)

    def _inserted(self, run: DecodingRun) -> int:
        return 0

    def _feed(
        self,
        run: DecodingRun,
        prompt: Sequence[int],
        generated: Sequence[int],
        index: int,
        unread: Prefix | None = None,
    ) -> Tensor:
        """As QueryDecoder._feed, with no tokens but those given."""
        start = (len(unread.ids) if unread else 0) + len(prompt)
        read = [i for i, token in enumerate(generated) if token in (self.tokens.ref_end, self.tokens.seg)]
        run.blocks += [index + i for i in read]
        new = DecodingPass(
            [*prompt, *generated],
            predicting=range(start - bool(start), start + len(generated)),
            queries=[start + i for i in read if generated[i] == self.tokens.seg],
            read=[start + i for i in read],
        )
        return self._advance(run, new, unread)


class SegTokenSam(InstructSam):
    """InstructSam that writes one [SEG] per instance of one phrase."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__(config)
        self.mask_queries = nn.Parameter(torch.zeros(1, config.hidden_size))

    @property
    def decoder(self) -> SegTokenDecoder:
        """Decoder with this model's weights."""
        config = self.config
        return SegTokenDecoder(
            self.language, self.mask_queries, config.tokens, config.mode, config.num_queries
        )

    def generated_phrases(self, generation: Generation) -> tuple[list[tuple[int, ...]], Tensor]:
        """Return the phrase of a generation, and the states [1, 1 + n, D] of its end and its n [SEG]; no
        phrase, [0, 1, D], where it has no instance.
        """
        spans = phrase_spans(generation.ids, self.config.tokens)
        if len(generation.blocks) < 2 or generation.blocks[0] not in spans:
            return [], generation.queries[:0]
        phrase = generation.ids[slice(*spans[generation.blocks[0]])]
        if not embedded_ids(phrase, self.config.mode.phrase_markers):
            return [], generation.queries[:0]
        return [phrase], generation.queries.transpose(0, 1)

    def segment_phrases(
        self, features: ImageFeatures, phrases: Sequence[Sequence[int]], queries: Tensor
    ) -> DetectorOutput:
        """As InstructSam.segment_phrases; phrases and queries as ``generated_phrases`` returns them."""
        output = super().segment_phrases(features, phrases, queries[:, 1:])
        scores = presence_logits(self.language, self.config.tokens, queries[:, :-1])
        return dataclasses.replace(output, score_logits=scores)
