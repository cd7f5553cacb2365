"""Generation: greedy decoding in which the end of every phrase triggers a block of mask queries.

When the model closes a phrase it is fed, in one step, the end marker, the mask start marker, Q mask
queries and the mask end marker (InstructSAM, section 3.1). The final hidden states of the queries
are what the detector segments with. Queries and mask markers are never generated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.models.common.device import NOT_NUMBERS
from instructsam_ros.models.instructsam.configuration import TokenIds
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.inference_mode import InferenceMode
from instructsam_ros.models.instructsam.language import (
    BLOCK_EXTRA,
    LanguageModel,
    decoding_mask,
    fork_cache,
    grid_positions,
)
from instructsam_ros.segmenter import Cancel, raise_if_cancelled

Choose = Callable[[int, Tensor], int]
"""(step, logits [vocabulary]) -> token id; replaces the argmax."""


@dataclass(frozen=True)
class PrefixState:
    """State of the language model after a prefix. cache: never grown, see ``fork_cache``. hidden: [D], the
    last hidden state.
    """

    cache: DynamicCache
    hidden: Tensor


@dataclass(frozen=True)
class Prefix:
    """A prompt, or the part of it up to the image, which all instructions on that image share.

    embeds: [L, D], image tokens included. positions: int64 [3, L]. visual: bool [L], True on image tokens.
    deepstack: see LanguageModel.forward. shift: position minus index of the tokens after the prefix, because
    an image has fewer positions than tokens on a grid. state: computed on first use; the first generation
    computes it in its first pass.
    """

    ids: tuple[int, ...]
    embeds: Tensor
    positions: Tensor
    visual: Tensor
    deepstack: tuple[Tensor, ...]
    shift: int
    state: Lazy[PrefixState]


@dataclass(frozen=True)
class Generation:
    """ids: generated tokens, the end included. blocks: index in ids of the end marker of each block
    of queries. queries: their hidden states [blocks, Q, D]. confirmed: number of tokens
    accepted from a previous generation.
    """

    ids: tuple[int, ...]
    blocks: tuple[int, ...]
    queries: Tensor
    confirmed: int = 0


@dataclass
class DecodingRun:
    """State of one generation during decoding."""

    cache: DynamicCache
    shift: int
    ids: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    queries: list[Tensor] = field(default_factory=list)
    confirmed: int = 0


@dataclass(frozen=True)
class DecodingPass:
    """New tokens of one pass, and places among those and an unread prefix before them: ``predicting``, whose
    logits are wanted; ``queries``, which take the embeddings of the mask queries; ``read``, whose states are
    kept; ``blocks``, the ref_end of each block.
    """

    tokens: Sequence[int]
    predicting: Sequence[int]
    queries: Sequence[int]
    read: Sequence[int]
    blocks: Sequence[int] = ()


@dataclass(frozen=True)
class QueryDecoder:
    """Greedy decoder of a language model with a bank of mask queries [Q, D]; stateless."""

    language: LanguageModel
    mask_queries: Tensor
    tokens: TokenIds
    mode: InferenceMode

    def prefix(self, ids: Sequence[int], features: ImageFeatures) -> Prefix:
        """Embed a prompt, or the part of it up to the image; the language model is not run yet.

        Raises InvalidInputError unless ``ids`` hold as many image tokens as ``features``.
        """
        sequence = torch.tensor(ids, device=features.tokens.device)
        visual = sequence == self.tokens.image
        if int(visual.sum()) != features.tokens.shape[1]:
            raise InvalidInputError(
                f"the prompt has places for {int(visual.sum())} image tokens, "
                f"the image has {features.tokens.shape[1]}"
            )
        embeds = self.language.embed(sequence)
        embeds = embeds.masked_scatter(visual[:, None], features.tokens[0].to(embeds.dtype))
        if self.mode.positions == "grid":
            positions = grid_positions(sequence, self.tokens.image, features.grid)
        else:
            positions = torch.arange(len(ids), device=sequence.device).expand(3, -1)
        shift = int(positions[:, -1].max()) + 1 - len(ids)
        deepstack = features.deepstack
        state = Lazy(lambda: self._read(embeds, positions, visual, deepstack))
        return Prefix(tuple(ids), embeds, positions, visual, deepstack, shift, state)

    @torch.inference_mode()
    def _read(
        self, embeds: Tensor, positions: Tensor, visual: Tensor, deepstack: tuple[Tensor, ...]
    ) -> PrefixState:
        """Run a prefix by itself; see Prefix."""
        cache = self.language.new_cache()
        hidden = self.language(embeds[None], positions[:, None], None, cache, visual[None], deepstack)
        return PrefixState(cache, hidden[0, -1])

    def generate(
        self,
        prefix: Prefix,
        rest: Sequence[int],
        max_new_tokens: int,
        previous: Sequence[int] = (),
        cancel: Cancel | None = None,
        choose: Choose | None = None,
    ) -> Generation:
        """Decode greedily from prefix + rest.

        rest: prompt ids after the prefix. previous: ids of an earlier generation as a draft; it is
        verified in one pass and accepted up to the first token that decoding would not generate. That pass
        also runs the prefix if its state does not exist yet.
        """
        raise_if_cancelled(cancel)
        run = DecodingRun(self.language.new_cache(), prefix.shift)
        logits = self._begin(run, prefix, rest, previous[:max_new_tokens], choose)
        while len(run.ids) < max_new_tokens and not self._ended(run.ids):
            raise_if_cancelled(cancel)
            run.ids.append(self._pick(run.ids, logits, choose))
            if not self._ended(run.ids):
                logits = self._feed(run, (), run.ids[-1:], len(run.ids) - 1)[-1]
        empty = self.mask_queries.new_empty(0, *self.mask_queries.shape)
        queries = torch.stack(run.queries) if run.queries else empty
        return Generation(tuple(run.ids), tuple(run.blocks), queries, run.confirmed)

    def _ended(self, ids: Sequence[int]) -> bool:
        return bool(ids) and ids[-1] in self.tokens.eos

    def _pick(self, ids: Sequence[int], logits: Tensor, choose: Choose | None) -> int:
        """Return the token that follows ``ids``, of logits [vocabulary]."""
        if choose:
            return choose(len(ids), logits)
        best, token = logits.max(-1)
        if bool(best.isnan()):
            raise InstructSamError(f"the scores of the next word {NOT_NUMBERS}")
        return int(token)

    def _begin(
        self,
        run: DecodingRun,
        prefix: Prefix,
        rest: Sequence[int],
        draft: Sequence[int],
        choose: Choose | None,
    ) -> Tensor:
        """Feed the rest of the prompt and a draft at once; accept the tokens that decoding confirms. Returns
        the logits [vocabulary] of the next token.
        """
        fed = draft[:-1] if self._ended(draft) else draft
        state = prefix.state.made
        if state is None:
            logits = self._feed(run, rest, fed, 0, unread=prefix)
        else:
            run.cache = fork_cache(state.cache, self.language)
            logits = self.language.logits(state.hidden[None])
            if rest or fed:
                fed_logits = self._feed(run, rest, fed, 0)
                logits = fed_logits if rest else torch.cat([logits, fed_logits])
        for step, token in enumerate(draft):
            if self._pick(run.ids, logits[step], choose) != token:
                break
            run.ids.append(token)
        run.confirmed = len(run.ids)
        kept = min(run.confirmed, len(fed))
        run.blocks = [index for index in run.blocks if index < kept]
        run.queries = run.queries[: len(run.blocks)]
        read = len(prefix.ids) + len(rest) + kept + self._inserted(run)
        surplus = run.cache.get_seq_length() - read
        if surplus:
            run.cache.crop(-surplus)
        return logits[kept]

    def _inserted(self, run: DecodingRun) -> int:
        """Count the tokens that were fed besides the generated ones."""
        return len(run.blocks) * (len(self.mask_queries) + BLOCK_EXTRA - 1)

    def _feed(
        self,
        run: DecodingRun,
        prompt: Sequence[int],
        generated: Sequence[int],
        index: int,
        unread: Prefix | None = None,
    ) -> Tensor:
        """Feed prompt tokens, then generated tokens with a block of queries after each end marker.

        index: of the first of ``generated`` in the whole generation. unread: a prefix to run before.
        Returns the logits at the end of the prompt, if there is one, and at every generated token:
        [(1 +) len(generated), vocabulary].
        """
        size, before = len(self.mask_queries), len(unread.ids) if unread else 0
        sequence, blocks = list(prompt), []
        predicting = [before + len(prompt) - 1] if prompt or unread else []
        for place, token in enumerate(generated, index):
            if token == self.tokens.ref_end:
                blocks.append(before + len(sequence))
                run.blocks.append(place)
                block = [self.tokens.seg] * size
                sequence += [token, self.tokens.mask_start, *block, self.tokens.mask_end]
            else:
                sequence.append(token)
            predicting.append(before + len(sequence) - 1)
        queries = [place for start in blocks for place in range(start + 2, start + 2 + size)]
        return self._advance(run, DecodingPass(sequence, predicting, queries, queries, blocks), unread)

    def _advance(self, run: DecodingRun, new: DecodingPass, unread: Prefix | None) -> Tensor:
        """Run the language model; returns the logits [n, vocabulary] at ``new.predicting``."""
        device, size = self.mask_queries.device, len(self.mask_queries)
        cached, before = run.cache.get_seq_length(), len(unread.ids) if unread else 0
        sequence = new.tokens
        embeds = self.language.embed(torch.tensor(sequence, dtype=torch.int64, device=device))
        first = cached + before + run.shift
        positions = torch.arange(first, first + len(sequence), device=device).repeat(3, 1)
        visual: Tensor | None = None
        deepstack: tuple[Tensor, ...] = ()
        if unread:
            embeds = torch.cat([unread.embeds, embeds])
            positions = torch.cat([unread.positions, positions], -1)
            visual, deepstack = F.pad(unread.visual, (0, len(sequence)))[None], unread.deepstack
        embeds[new.queries] = self.mask_queries.repeat(len(new.queries) // size, 1)
        for start in new.blocks:
            positions[:, start : start + size + BLOCK_EXTRA] += self.mode.block_offset
        mask = None  # causal; a single token attends to everything, fastest without a mask
        if new.blocks or (cached and len(sequence) > 1):
            mask = decoding_mask(cached, len(embeds), new.blocks, size, self.mode, device)
        wanted = [*new.predicting, *new.read, *([before - 1] if unread else [])]
        output_indices = torch.tensor(wanted, device=device)
        (hidden,) = self.language(
            embeds[None], positions[:, None], mask, run.cache, visual, deepstack, output_indices
        )
        sampled = hidden[: len(new.predicting)]
        states = hidden[len(new.predicting) :][: len(new.read)]
        if unread:
            unread.state.offer(PrefixState(fork_cache(run.cache, self.language, before), hidden[-1]))
        run.queries += states.split(size) if new.read else ()
        return self.language.logits(sampled)


T = TypeVar("T")


class Lazy(Generic[T]):
    """Value that is computed by ``make`` at the first call, and cached; thread-safe.

    An exception is raised to the caller and not cached: the next call tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        """Return the value, computing it if necessary."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
        return self._made[0]

    @property
    def made(self) -> T | None:
        """The value if it has been computed, else None."""
        return self._made[0] if self._made else None

    def offer(self, value: T) -> None:
        """Set a value that was computed elsewhere, unless there is one already."""
        with self._lock:
            if not self._made:
                self._made.append(value)
