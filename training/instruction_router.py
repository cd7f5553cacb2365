"""Training of the router that chooses a route of SAM3-I, on the instruction grammar of rendered scenes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.models.sam3i.router import ROUTES, RouteName, Router, ngrams
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, instructions, is_held_out
from instructsam_ros.scenes.instructions.templates import paraphrases

_PLAIN = frozenset({
    "name.one.plain", "name.one.a", "name.one.this", "name.one.that",
    "all.many.all_the", "all.many.all", "all.many.the", "all.every.every", "all.every.each",
    "attr.one.plain", "attr.one.a", "attr.many.all_the", "attr.many.the", "attr.every.every",
})  # fmt: skip
"""Constructs that are a noun phrase and nothing else, such as "the red mug"."""
_SLOT = re.compile(r"\{\w+\}")
_WORD = re.compile(r"[a-z]+")
_STEPS, _RATE, _DECAY = 300, 2.0, 2e-4


class Example(NamedTuple):
    """A text and its route. held_out: whether its wording is held out from training."""

    text: str
    route: RouteName
    held_out: bool


def route_of(instruction: Instruction) -> RouteName:
    """Return the route by the definitions of SAM3-I: no noun named is complex, a bare noun phrase concept."""
    if instruction.kind.startswith("aff") or instruction.kind in ("food", "nonfood"):
        return "complex"
    construct, _, sentence = instruction.template.partition("|")
    is_bare = construct in _PLAIN and sentence.endswith(".bare")
    return "concept" if instruction.level == "concept" or is_bare else "simple"


def examples(folder: Path, split: Literal["train", "heldout"], rounds: int) -> list[Example]:
    """Generate instructions about the views of a folder, ``rounds`` times 40 for each, every text once.

    Raises InvalidInputError for a folder without views.
    """
    found: dict[str, Example] = {}
    for number, path in enumerate(view_paths(folder)):
        meta = load_view(path, depth=False).meta
        for turn in range(rounds):
            rng = np.random.default_rng([number, turn, split == "train"])
            for item in instructions(meta, rng, 40, split=split):
                found[item.text] = Example(item.text, route_of(item), is_held_out(item.template))
    return list(found.values())


def function_words() -> frozenset[str]:
    """Return the words of the grammar's templates that are in no slot, so no nouns and no purposes."""
    tables = paraphrases()
    templates = (tables.sentence_templates, tables.constructs)
    texts = [t.text for table in templates for row in table.values() for t in row if not t.held_out]
    texts += [text for row in (*tables.relations.values(), *tables.fillers.values()) for text in row]
    texts += tables.verbs
    return frozenset(word for text in texts for word in _WORD.findall(_SLOT.sub(" ", text).lower()))


def train(corpus: Sequence[Example], limit: int = 300) -> Router:
    """Fit multinomial logistic regression with classes of equal weight, then once more on the ``limit``
    n-grams of the largest weights.
    """
    words = function_words()
    rows = [ngrams(example.text, words) for example in corpus]
    counts = Counter(gram for row in rows for gram in row)
    grams = [gram for gram, count in counts.items() if count >= 5]
    targets = np.array([ROUTES.index(example.route) for example in corpus])
    weights, _ = _fit(rows, grams, targets)
    spread = (weights.max(1) - weights.min(1)) * np.sqrt([counts[gram] for gram in grams])
    kept = [grams[index] for index in np.argsort(-spread)[:limit]]
    weights, bias = _fit(rows, kept, targets)
    table = {gram: np.round(row, 1) for gram, row in zip(kept, weights, strict=True)}
    return Router(words, table, np.round(bias, 1))


def accuracy(router: Router, corpus: Sequence[Example]) -> dict[str, float]:
    """Return the share of right routes, 0..1, by route and over all."""
    right = [(example.route, router(example.text).route == example.route) for example in corpus]
    by_route = {route: [ok for own, ok in right if own == route] for route in ROUTES}
    shares: dict[str, float] = {route: float(np.mean(ok)) for route, ok in by_route.items() if ok}
    return {**shares, "all": float(np.mean([ok for _, ok in right]))}


def _fit(
    rows: Sequence[set[str]], grams: Sequence[str], targets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights [n-grams, 3] and bias [3]."""
    index = {gram: column for column, gram in enumerate(grams)}
    x = np.zeros((len(rows), len(grams)), np.float32)
    for row, found in enumerate(rows):
        x[row, [index[gram] for gram in found if gram in index]] = 1
    wanted = np.eye(3, dtype=np.float32)[targets]
    share = (1 / wanted.sum(0).clip(1))[targets][:, None] / 3
    weights, bias = np.zeros((len(grams), 3), np.float32), np.zeros(3, np.float32)
    moment = np.zeros_like(weights)
    for step in range(_STEPS):
        logits = x @ weights + bias
        exponents = np.exp(logits - logits.max(1, keepdims=True))
        error = (exponents / exponents.sum(1, keepdims=True) - wanted) * share
        moment = 0.9 * moment + x.T @ error + _DECAY * weights
        rate = _RATE * (1 - step / _STEPS)
        weights -= rate * moment
        bias -= rate * error.sum(0)
    return weights.astype(float), bias.astype(float)
