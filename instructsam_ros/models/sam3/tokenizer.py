"""The text side's byte-pair tokenizer (CLIP), as SAM 3 uses it."""

from __future__ import annotations

import gzip
import html
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.git_lfs import explained

CONTEXT = 32
"""Token ids of a text, the markers included."""
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = "bpe_simple_vocab_16e6.txt.gz"
"""File of Meta's and OpenAI's packages that holds the vocabulary."""
_NUM_MERGES = 49152 - 256 - 2
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """Texts to rows of 32 ids: start, tokens, end, zeros; a longer text is cut and ends with the end id."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Raise CheckpointError for a tokenizer without the two markers."""
        start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
        if start is None or end is None:
            raise CheckpointError(f"the tokenizer has no {START} and {END}; SAM 3 needs that of CLIP")
        self.start, self.end = start, end
        self._tokenizer = tokenizer
        self._tokenizer.encode_special_tokens = True  # a text may spell a marker
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @classmethod
    def from_folder(cls, folder: Path) -> ClipTokenizer:
        """Read tokenizer.json, or vocab.json with merges.txt, or bpe_simple_vocab_16e6.txt.gz.

        Raises CheckpointError where there is none or it is damaged.
        """
        try:
            if (folder / "tokenizer.json").is_file():
                return cls(Tokenizer.from_file(str(folder / "tokenizer.json")))
            if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
                files = str(folder / "vocab.json"), str(folder / "merges.txt")
                vocabulary, merges = models.BPE.read_file(*files)
                return cls(_byte_pairs(vocabulary, merges))
            if (folder / MERGES).is_file():
                with gzip.open(folder / MERGES, "rt", encoding="utf-8") as lines:
                    return cls.from_merges(lines)
        except CheckpointError:
            raise
        except Exception as error:  # the package has no type of its own
            raise CheckpointError(
                f"the tokenizer in {folder} is not usable: {explained(folder, error)}"
            ) from None
        raise CheckpointError(
            f"{folder} has no tokenizer: put tokenizer.json of facebook/sam3 there, or {MERGES} of Meta's "
            "sam3 package"
        )

    @classmethod
    def from_merges(cls, lines: Iterable[str]) -> ClipTokenizer:
        """Build the vocabulary from lines of merges, best first, after a line with their version."""
        rows = list(lines)[1 : _NUM_MERGES + 1]
        merges = [(first, second) for first, second in (line.split() for line in rows if line.strip())]
        letters = _byte_letters()
        words = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges), START, END]
        return cls(_byte_pairs({word: index for index, word in enumerate(words)}, merges))

    def __call__(self, texts: Iterable[str]) -> Tensor:
        """Encode texts: int64 [n, 32]."""
        rows = []
        for text in texts:
            ids = [*[self.start, *self._ids(text)][: CONTEXT - 1], self.end]
            rows.append([*ids, *[0] * (CONTEXT - len(ids))])
        return torch.tensor(rows, dtype=torch.int64)

    def is_cut(self, text: str) -> bool:
        """Return whether the end of a text is not read."""
        return len(self._ids(text)) > CONTEXT - 2

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(clean(text), add_special_tokens=False).ids
        return ids


def clean(text: str) -> str:
    """Normalise as CLIP does: HTML entities resolved, white space collapsed, small letters."""
    text = html.unescape(html.unescape(unicodedata.normalize("NFC", text)))
    return " ".join(text.split()).lower()


def _byte_pairs(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def _byte_letters() -> list[str]:
    """Return the letters that stand for the 256 bytes, in the order of the vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [256 + index for index in range(256 - len(printable))]
    return [chr(code) for code in (*printable, *others)]
