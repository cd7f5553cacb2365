"""The alternative to a query bank: one learned [SEG] token, decoded once per instance.

After the phrase, and after every [SEG], the language model decides between another [SEG] and the end
of the answer. The state of each [SEG] goes through the same detector read-out as a query of the
bank; how sure the model was that it follows is its score. Instances come from left to right. All of
it is causal, so a row with ten [SEG] places trains every prefix of it, and what stands behind the
last instance is ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from instructsam_ros.models.instructsam.configuration import TokenIds
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import AnswerDecoder, Choose, Generation, Prefix, _Run
from instructsam_ros.models.instructsam.language import LanguageModel, answer_mask
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.segmenter import Cancel
from instructsam_ros.training.data.scenes import SceneBatch
from instructsam_ros.training.objectives.compact.forward import SceneOutput, captured, forward_scene

NEVER = -30.0
"""Logit of places behind the decision to end; they say nothing and cost nothing."""

Another = Callable[[int, Tensor], bool]
"""(instances so far, logit that another follows) -> whether to go on."""


def likely(_count: int, logit: Tensor) -> bool:
    """Greedy decoding."""
    return bool(logit > 0)


def decisions(language: LanguageModel, tokens: TokenIds, states: Tensor) -> Tensor:
    """Logits [...] that behind states [..., D] another [SEG] follows rather than the end."""
    rows = language.model.embed_tokens.weight
    logits: Tensor = states @ (rows[tokens.seg] - rows[tokens.eos[0]]).to(states.dtype)
    return logits.float()


@dataclass(frozen=True)
class OneTokenDecoder(AnswerDecoder):
    """Answers end with their first phrase; its "queries" are the state before the first [SEG] and
    those of every [SEG], [1, n + 1, D].
    """

    another: Another = likely

    def answer(
        self,
        prefix: Prefix,
        rest: Sequence[int],
        max_new_tokens: int,
        previous: Sequence[int] = (),
        cancel: Cancel | None = None,
        choose: Choose | None = None,
    ) -> Generation:
        """As AnswerDecoder.answer; decodes step by step, whatever ``previous`` guesses."""
        return super().answer(prefix, rest, max_new_tokens, (), cancel, choose)

    def _feed(
        self,
        run: _Run,
        prompt: Sequence[int],
        answer: Sequence[int],
        index: int,
        unread: Prefix | None = None,
    ) -> Tensor:
        if self.tokens.ref_end not in answer:
            return super()._feed(run, prompt, answer, index, unread)
        opening = torch.tensor([self.tokens.ref_end, self.tokens.mask_start], device=self.mask_queries.device)
        states = [self._advance(run, self.language.embed(opening))]
        while len(states) <= len(self.mask_queries):
            decision = decisions(self.language, self.tokens, states[-1])
            if not self.another(len(states) - 1, decision):
                break
            states.append(self._advance(run, self.mask_queries[:1]))
        if len(states) > 1:
            run.blocks.append(index)
            run.queries.append(torch.stack(states))
        end = self.mask_queries.new_full((1, len(self.language.model.embed_tokens.weight)), NEVER)
        end[0, self.tokens.eos[0]] = 0
        return end

    def _advance(self, run: _Run, embeds: Tensor) -> Tensor:
        """Feed embeddings [n, D]; the last state, [D]."""
        past, count = run.cache.get_seq_length(), len(embeds)
        positions = torch.arange(past, past + count, device=embeds.device) + run.shift
        mask = answer_mask(past, count, (), 0, False, embeds.device) if count > 1 else None
        hidden: Tensor = self.language(embeds[None], positions.expand(3, 1, -1), mask, run.cache)
        return hidden[0, -1]


class Repeated(nn.Module):
    """One learned row, seen as ``count`` equal ones."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, row: Tensor) -> Tensor:
        """[1, D] -> [count, D]."""
        return row.expand(self.count, -1)

    def right_inverse(self, rows: Tensor) -> Tensor:
        """[count, D] -> [1, D]."""
        return rows[:1].clone()


class OrderedAttention(nn.Module):
    """Self-attention of the detector in which an instance sees itself and those before it."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attention_mask: None) -> Any:
        """As the wrapped attention, [B, n, C]."""
        count = query.shape[1]
        order = torch.ones(1, 1, count, count, dtype=torch.bool, device=query.device).tril()
        return self.attention(query=query, key=key, value=value, attention_mask=order)


class OneTokenInstructSam(InstructSam):
    """InstructSam that decodes its instances one by one."""

    def __init__(self, bank: InstructSam) -> None:
        """Takes over the parts of a causal model with a query bank; its first query is the token."""
        super().__init__(bank.config)
        self.another: Another = likely
        self.load_state_dict(bank.state_dict())
        self.language, self.detector = bank.language, bank.detector
        parametrize.register_parametrization(self, "mask_queries", Repeated(bank.config.num_queries))
        for layer in self.detector.detr_decoder.layers:
            layer.self_attn = OrderedAttention(layer.self_attn)

    @property
    def decoder(self) -> OneTokenDecoder:
        """Answers with this model's weights."""
        config = self.config
        return OneTokenDecoder(
            self.language, self.mask_queries, config.tokens, config.inference_mode, self.another
        )

    def segment_phrases(
        self, features: ImageFeatures, phrases: Sequence[Sequence[int]], queries: Tensor
    ) -> DetectorOutput:
        """As InstructSam.segment_phrases; queries [1, n + 1, D] as OneTokenDecoder gives them."""
        output = super().segment_phrases(features, phrases, queries[:, 1:])
        scores = decisions(self.language, self.config.tokens, queries[:, :-1])
        return dataclasses.replace(output, score_logits=scores)


def forward_one_token(model: InstructSam, batch: SceneBatch) -> SceneOutput:
    """Teacher forcing: scores are the decisions, each given all instances to the left."""
    with captured(model.language) as calls:
        output = forward_scene(model, batch)
    hidden, slots = calls[-1], model.config.num_queries
    before = batch.rows.queries.roll(-1, 1)  # rows never begin with a query
    states = hidden[before].view(len(before), slots, -1)
    scores = decisions(model.language, model.config.tokens, states)
    counts = torch.tensor([len(members) for members in batch.targets], device=scores.device)
    decided = torch.arange(slots, device=scores.device) <= counts[:, None]
    scores = torch.where(decided, scores, NEVER)
    readouts = tuple(dataclasses.replace(r, score_logits=scores) for r in output.readouts)
    return dataclasses.replace(output, readouts=readouts)
