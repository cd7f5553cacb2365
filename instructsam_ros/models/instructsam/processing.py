"""Text to token ids and back: the chat template around an instruction."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.git_lfs import explained
from instructsam_ros.models.instructsam.configuration import (
    IMAGE_PLACE,
    INSTRUCTION_PLACE,
    InstructSamConfig,
    TokenIds,
)

_PHRASE_WORDS = 6
"""Maximum words of an instruction that is used as the draft of its own phrase."""
_REMEMBERED = 256
"""Number of recent instructions whose unknown words are not logged again."""

_USUAL = {
    "image": "<|image_pad|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "seg": "[SEG]",
    "mask_start": "<|mask_start|>",
    "mask_end": "<|mask_end|>",
    "ref_start": "<|object_ref_start|>",
    "ref_end": "<|object_ref_end|>",
}
"""Texts of control tokens in the released model."""
_CONTROL = re.compile(r"<\|\w+\|>")

logger = logging.getLogger(__name__)


class PromptTokenizer:
    """Tokenizes prompts of one model; safe to share between threads."""

    def __init__(self, tokenizer: str, config: InstructSamConfig) -> None:
        """tokenizer: content of a tokenizer.json. Raises CheckpointError if it does not fit the model."""
        try:
            table = json.loads(tokenizer)
            for token in table.get("added_tokens", ()):
                token["special"] = True  # control tokens all of them, however they were added
            table["truncation"] = table["padding"] = None  # as left over from training; a prompt stays whole
            self._tokenizer, self._plain = (Tokenizer.from_str(json.dumps(table)) for _ in range(2))
        except (KeyboardInterrupt, SystemExit):
            raise
        # The tokenizers package raises plain Exception, and for some files its Rust panics, which is none.
        except BaseException as error:
            raise CheckpointError(f"tokenizer.json is not usable: {error}") from error
        # An instruction is text, even where it contains the name of a control token.
        self._plain.encode_special_tokens = True
        size, rows = self._tokenizer.get_vocab_size(), int(config.language["vocab_size"])
        if size > rows:
            raise CheckpointError(f"the tokenizer has {size} tokens, the model embeds {rows}")
        self._check_control_tokens(config)
        self._suffix = config.instruction_suffix
        self._tokens = config.tokens
        before, _, rest = config.prompt.partition(IMAGE_PLACE)
        between, _, after = rest.partition(INSTRUCTION_PLACE)
        self._before, self._between, self._after = map(self._control_ids, (before, between, after))
        self.warn_of_unknown_words = lru_cache(_REMEMBERED)(self._warn_of_unknown_words)

    @classmethod
    def from_folder(cls, folder: Path, config: InstructSamConfig) -> PromptTokenizer:
        """Read tokenizer.json of a checkpoint folder."""
        path = folder / "tokenizer.json"
        if not path.exists():
            raise CheckpointError(f"{path} does not exist; copy it from the source of the weights")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{path} is not usable: {error}") from None
        if pointer := explained(path, ""):
            raise CheckpointError(f"{path} is not usable: {pointer}")
        return cls(text, config)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Every token and its id."""
        words: dict[str, int] = self._tokenizer.get_vocab()
        return words

    def image_ids(self, image_tokens: int) -> list[int]:
        """Return the prompt up to the instruction, for an image of ``image_tokens`` tokens."""
        return [*self._before, *[self._tokens.image] * image_tokens, *self._between]

    def instruction_ids(self, instruction: str) -> list[int]:
        """Return the rest of the prompt: the instruction and the start of the assistant turn."""
        text = self._plain.encode(instruction + self._suffix, add_special_tokens=False).ids
        return [*text, *self._after]

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return out-of-vocabulary words of an instruction; a subword tokenizer has none."""
        unknown = getattr(self._plain.model, "unk_token", None)
        if unknown is None:
            return ()
        read = self._plain.encode(instruction, add_special_tokens=False)
        found = zip(read.tokens, read.offsets, strict=True)
        return tuple(instruction[slice(*place)] for token, place in found if token == unknown)

    def _warn_of_unknown_words(self, instruction: str) -> None:
        """Log unknown words, since the result for the remaining words may have high scores."""
        if words := self.unknown_words(instruction):
            names = ", ".join(map(repr, words))
            logger.warning("this model does not know %s; do not trust its answer to %r", names, instruction)

    def phrase_generation(self, instruction: str) -> list[int]:
        """Return the generation that has an instruction as its one phrase ("red mug"); empty for a long one.

        The phrase is cleaned up as in the released training: first letter in lower case, no full stop.
        """
        phrase = instruction.strip().removesuffix(".")
        if not phrase or len(phrase.split()) > _PHRASE_WORDS:
            return []
        words = self._plain.encode(phrase[0].lower() + phrase[1:], add_special_tokens=False).ids
        return [self._tokens.ref_start, *words, self._tokens.ref_end, self._tokens.eos[0]]

    def token(self, index: int) -> str:
        """Return the token of an id; empty for an unknown one."""
        return self._tokenizer.id_to_token(index) or ""

    def text(self, ids: Sequence[int]) -> str:
        """Decode generated ids to text, without control tokens."""
        decoded: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return decoded.strip()

    def _check_control_tokens(self, config: InstructSamConfig) -> None:
        """Raise CheckpointError where a control token, in the prompt too, is not one token of its id."""
        wrong = [
            f"{name} ({value}, here {self.token(value)!r})"
            for name, value in config.tokens.pairs()
            if name != "region" and self._control_ids(self._control_text(name, value)) != [value]
        ]
        wrong += [name for name in _CONTROL.findall(config.prompt) if len(self._control_ids(name)) != 1]
        if wrong:
            raise CheckpointError(
                f"the tokenizer does not encode these control tokens as the model's ids: {', '.join(wrong)}; "
                "take tokenizer.json from the source of the weights"
            )

    def _control_text(self, name: str, value: int) -> str:
        """Return the usual text of a control token where the vocabulary has it, else that of its id."""
        usual = _USUAL.get(name, "")
        return usual if self._tokenizer.token_to_id(usual) is not None else self.token(value)

    def _control_ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


MAX_PHRASE_TOKENS = 32


def phrase_spans(ids: Sequence[int], tokens: TokenIds) -> dict[int, tuple[int, int]]:
    """Map the end marker index to (start, stop) of every closed phrase in ``ids``, markers included.

    A phrase runs from the first start marker after the last phrase to the next end marker. An unmatched
    start or end marker makes no phrase.
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
    """Return the tokens of a phrase to embed, with or without its markers, at most 32."""
    ids = list(span) if with_markers else list(span[1:-1])
    return ids[:MAX_PHRASE_TOKENS]


def pad_phrases(
    phrases: Sequence[Sequence[int]], device: torch.device, min_length: int = 0
) -> tuple[Tensor, Tensor]:
    """Pad to token ids int64 [n, T] and mask bool [n, T], T being the longest phrase or ``min_length``.

    Padding is masked wherever phrases are read, so T changes no result beyond rounding.
    """
    length = max(min_length, *map(len, phrases))
    ids = torch.zeros(len(phrases), length, dtype=torch.int64)
    mask = torch.zeros(len(phrases), length, dtype=torch.bool)
    for row, phrase in enumerate(phrases):
        ids[row, : len(phrase)] = torch.tensor(phrase)
        mask[row, : len(phrase)] = True
    return ids.to(device), mask.to(device)
