"""Which of SAM3-I's routes reads a text: a linear classifier over word n-grams, and rules.

The paper (arXiv 2512.04585) leaves open who decides; its definitions are kept: ``concept`` is a noun phrase,
``simple`` names the noun and adds places, relations or a sentence, ``complex`` names a purpose instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile, pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.paths import DATA

RouteName = Literal["concept", "simple", "complex"]
ROUTES: tuple[RouteName, ...] = get_args(RouteName)
WEIGHTS = DATA / "router.json"
MAX_BARE_WORDS = 4
"""Longer texts without a function word are not taken for a noun phrase by rule."""

_TOKENS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[?.,;!]")
_CONTENT = "*"
_DETERMINERS = frozenset(("a", "an", "the", "all", "every", "each", "any", "this", "that"))
_PRONOUNS = frozenset(
    ("everything", "anything", "something", "nothing", "whatever", "what", "where", "which")
)
_PURPOSE = re.compile(
    r"""\b(?:something|anything|whatever|what|things?
    |(?:an?|the|any|some|which|what)\ (?:thing|object|item|tool)s?)\b
    .{0,40}?\b(?:to\ \w+\ (?:\w+\ ){0,6}(?:with|from|in|on|into|for|out\ of)|used?\ (?:to|for)|useful\ for
    |suitable\ for|meant\ for|designed\ for|(?:can|could|would|might)\ (?:hold|help|be\ used|I|we|one)
    |that\ (?:keeps?|helps?))\b
    |^(?:what\ (?:would|should|might|do\ I\ need)|where\ (?:could|can|should)\ (?:I|we)\ (?!find|see))\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""A thing without a noun, and what it is for."""
_RELATION = re.compile(
    r"""\b(?:under|below|above|beneath|behind|beside|between|inside|on|at|near|nearest|nearer|closest|farthest
    |next\ to|left\ of|right\ of|front\ of|in\ the\ (?!picture|image|photo|view|scene)|with|without|wearing
    |holding|carrying|that|which|who|whose|except|but|second|third|leftmost|rightmost|largest|biggest|smallest)\b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Decision:
    """A route, its probability 0..1, and what decided: "rule" or "classifier"."""

    route: RouteName
    probability: float
    decided_by: Literal["rule", "classifier"]


@dataclass(frozen=True, eq=False)
class Router:
    """words: function words; all others are alike. weights: n-gram -> logits of the three routes. bias: [3].

    Without weights it decides by rule alone, and for ``simple`` where no rule applies.
    """

    words: frozenset[str]
    weights: Mapping[str, NDArray[np.float64]]
    bias: NDArray[np.float64]

    def __call__(self, text: str) -> Decision:
        """Decide on a text."""
        tokens = [token for token in _TOKENS.findall(text.lower()) if token not in ".,;!"]
        if self._is_bare(tokens):
            return Decision("concept", 1.0, "rule")
        if _PURPOSE.search(text):
            return Decision("complex", 1.0, "rule")
        logits = self.bias + sum(
            (self.weights[gram] for gram in ngrams(text, self.words) if gram in self.weights), np.zeros(3)
        )
        shares = np.exp(logits - logits.max())
        if _RELATION.search(text):
            shares[0] = 0.0  # no bare noun phrase
        best = int(shares.argmax())
        return Decision(ROUTES[best], float(shares[best] / shares.sum()), "classifier")

    def _is_bare(self, tokens: Sequence[str]) -> bool:
        """Return whether tokens are a noun with adjectives, perhaps behind determiners."""
        rest = list(dropwhile(_DETERMINERS.__contains__, tokens))
        if len(rest) == 1 and not _PRONOUNS.intersection(rest):
            return rest != ["?"]
        return 0 < len(rest) <= MAX_BARE_WORDS and "?" not in rest and not self.words.intersection(rest)

    @classmethod
    def shipped(cls) -> Router:
        """Return the router that this package ships."""
        return _read(WEIGHTS)

    def to_json(self) -> str:
        """Write as text, a line for each n-gram."""
        rows = ",\n".join(f"{json.dumps(gram)}: {row.tolist()}" for gram, row in sorted(self.weights.items()))
        words, bias = json.dumps(" ".join(sorted(self.words))), self.bias.tolist()
        return f'{{"words": {words},\n"bias": {bias},\n"weights": {{\n{rows}\n}}}}\n'

    @classmethod
    def from_json(cls, text: str) -> Router:
        """Read what ``to_json`` has written. Raises CheckpointError for anything else."""
        try:
            values = json.loads(text)
            weights = {gram: np.array(row, float) for gram, row in values["weights"].items()}
            router = cls(frozenset(values["words"].split()), weights, np.array(values["bias"], float))
            if any(row.shape != (3,) for row in (router.bias, *weights.values())):
                raise ValueError("a row is not of three numbers")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"these are not the weights of a router: {error!r}") from None
        return router


def ngrams(text: str, words: frozenset[str]) -> set[str]:
    """Return the 1-, 2- and 3-grams of a text whose content words, runs of them too, are one symbol."""
    tokens = ["^"]
    for token in _TOKENS.findall(text.lower()):
        known = token if token in words or token in "?." else "" if token in ",;!" else _CONTENT
        if known and not (known == tokens[-1] == _CONTENT):
            tokens.append(known)
    while tokens[-1] == ".":
        tokens.pop()
    tokens.append("$")
    pairs = [f"{a} {b}" for a, b in pairwise(tokens)]
    triples = [" ".join(tokens[i : i + 3]) for i in range(len(tokens) - 2)]
    return {*tokens[1:-1], *pairs, *triples}


def check_route(route: object) -> RouteName | None:
    """Return the route of an option, None for "auto". Raises ConfigError for any other value."""
    if route == "auto":
        return None
    for known in ROUTES:
        if route == known:
            return known
    raise ConfigError(f"route {route!r} is not one of auto, {', '.join(ROUTES)}")


@cache
def _read(path: Path) -> Router:
    try:
        return Router.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"the router's weights are not in {path} ({error}); reinstall") from None
