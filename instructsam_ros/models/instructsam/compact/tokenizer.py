"""Word-level tokenizer of the compact model, built from the words of generated instructions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from instructsam_ros.atomic_write import write_atomic

SPECIAL_TOKENS = (
    "<pad>",
    "<unk>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|mask_start|>",
    "[SEG]",
    "<|mask_end|>",
    "<REGION>",
)

_SINGULAR = r"(?! (?:[a-z]+ )?(?:[a-z]+[^s]s|ones)\b)"
"""Not before a plural: "the big mugs" have no largest one."""

SPELLINGS = {
    "[\u2018\u2019]": "'",
    "[\u201c\u201d]": '"',
    r"\bgrey\b": "gray",
    r"colour": "color",
    r"\bfavourite\b": "favorite",
    r"\bomelette\b": "omelet",
    r"\b1\b": "one",
    r"\b2\b": "two",
    r"\b3\b": "three",
    r"\b4\b": "four",
    r"\bcan't\b": "cannot",
    r"\bwon't\b": "will not",
    r"n't\b": " not",
    r"'re\b": " are",
    r"'m\b": " am",
    r"'ll\b": " will",
    r"'ve\b": " have",
    r"'d\b": " would",
    r"\blet's\b": "let us",
    r"\bwhat's\b": "what is",
    r"\bwhere's\b": "where is",
    r"\bthat's\b": "that is",
    r"\bthere's\b": "there is",
    r"\bit's\b": "it is",
    r"\bexcept for\b|\bexcluding\b|\bwith the exception of\b": "except",
    r"\baside from\b": "apart from",
    r"\bnext to\b|\bbeside\b|\bnear(?: to)?\b": "close to",
    rf"\bthe (?:large|larger|huge|(?<!in the )(?<!from the )big|bigger)\b{_SINGULAR}": "the largest",
    rf"\bthe (?:small|smaller|little|tiny)\b{_SINGULAR}": "the smallest",
    rf"\bthe (?:tall|taller)\b{_SINGULAR}": "the tallest",
    rf"\bthe (?:short|shorter)\b{_SINGULAR}": "the shortest",
    r"\b(?:silverware|flatware)\b": "cutlery",
    r"(?<!piece of )(?<!pieces of )\bcutlery\b": "pieces of cutlery",
    r"\bitem\b": "object",
    r"\bstuff\b": "things",
}
"""Regular expression -> spelling in training instructions; applied in this order."""


def build_tokenizer(texts: Iterable[str], min_count: int = 1) -> Tokenizer:
    """Build a tokenizer of SPECIAL_TOKENS (ids from 0, in that order) and every word of ``texts``.

    Text is lower-cased, spelled as in training (SPELLINGS) and split into runs of letters and single other
    characters, so that "I'm" is three tokens. Other words become ``<unk>``.
    """
    tokenizer = Tokenizer(models.WordLevel({}, unk_token="<unk>"))
    spellings = [normalizers.Replace(Regex(pattern), spelling) for pattern, spelling in SPELLINGS.items()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), *spellings])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[a-z]+|[^\sa-z]"), behavior="removed", invert=True)
    counts: Counter[str] = Counter()
    for text in texts:
        normalized = tokenizer.normalizer.normalize_str(text)
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized))
    words = sorted(word for word, count in counts.items() if count >= min_count)
    vocabulary = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *words))}
    tokenizer.model = models.WordLevel(vocabulary, unk_token="<unk>")
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write tokenizer.json atomically."""
    write_atomic(path, tokenizer.to_str(pretty=True).encode())
