"""Instructions about images whose objects are labelled with nouns alone (COCO, LVIS, VISOR, HD-EPIC).

Every answer follows from the labels: "all the cups" and "the two cups" only where all cups are labelled, "the
leftmost cup" only where it lies clearly left of all others, and no target only for what is certainly absent.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.nouns import noun_of
from instructsam_ros.training.data.plurals import plural
from instructsam_ros.training.data.sample import Masks, Phrase, Sample

NEGATIVE_SHARE = 0.3
"""Share of instructions without a target."""
MOST_TARGETS = 10
"""Instances of an answer: as many as the published training keeps (max_seg_nums of the released loader)."""
CLEAR_DISTANCE = 0.1
"""Least distance of the centres of two objects one of which is left of the other, in widths of the image."""

ONE = ("{n}", "the {n}", "the {n} in the picture")
ALL = ("{ns}", "the {ns}", "all {ns}", "all the {ns}", "all of the {ns}")
COUNTED = ("the {number} {ns}", "{number} {ns}", "all {number} {ns}")
PAIR = ("the two {ns}", "two {ns}", "both {ns}", "both of the {ns}")
PLACES = {
    "left": ("the leftmost {n}", "the {n} furthest to the left", "the {n} on the far left"),
    "right": ("the rightmost {n}", "the {n} furthest to the right", "the {n} on the far right"),
    "middle": ("the {n} in the middle", "the middle {n}"),
}
PLACES_OF_TWO = {
    "left": ("the {n} on the left", "the left {n}"),
    "right": ("the {n} on the right", "the right {n}"),
}
SENTENCES = ("segment", "find", "show me", "locate", "point to", "highlight", "mark", "select")
"""What half of the noun phrases follow, except for bare nouns."""
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Entity:
    """A labelled object. noun: readable English in the singular ("chopping board"). masks: reads [1, H, W].

    span: x of its left and right edge in the upright image, in widths of the image; None makes no places.
    """

    noun: str
    masks: Masks
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class NounLabels:
    """The labels of an image. exhaustive: nouns of which every object is an entity. absent: those of which
    there certainly is none. ambiguous: nouns of objects that are no entities, in which case no instruction
    names them. others: labelled objects of such nouns. classes: all nouns that the data set has labels for.
    What is none of these may be there without a label.
    """

    entities: tuple[Entity, ...]
    exhaustive: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    ambiguous: frozenset[str] = frozenset()
    others: tuple[Entity, ...] = ()
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NounInstruction:
    """An instruction. phrase: its noun, as the answer names it. targets: indices of entities; () for absent.

    kind: noun, all, count or place. level: "concept" for a bare noun, else "simple".
    """

    text: str
    phrase: str
    targets: tuple[int, ...]
    kind: str
    level: str
    cardinality: str


def readable_noun(name: str) -> str:
    """Return the name of a class as English, without the sense in brackets: "glass_(drink_container):base"
    is "glass base", "bottle_(bottle,_flask)" is "bottle".
    """
    return re.sub(r"[_:\s]+", " ", re.sub(r"\([^)]*(\)|$)", " ", name)).strip()


def everyday_labels(labels: NounLabels) -> NounLabels:
    """Return labels of which only everyday nouns are to be named."""
    known = frozenset(noun for noun in (labels.exhaustive | labels.absent) if noun_of(noun))
    return replace(
        labels,
        entities=tuple(entity for entity in labels.entities if entity.noun in known),
        exhaustive=labels.exhaustive & known,
        absent=labels.absent & known,
        others=(*labels.others, *(entity for entity in labels.entities if entity.noun not in known)),
    )


def noun_samples(
    labels: NounLabels, template: Sample, count: int, seed: int, more: Sequence[NounInstruction] = ()
) -> Iterator[Sample]:
    """Make up to ``count`` samples of one image, the same for the same image name and seed.

    template: a sample of the image without a target; its one phrase reads masks [0, H, W]. more: instructions
    about the same entities from other labels, which take turns with those about nouns.
    """
    rng = np.random.default_rng((seed, zlib.crc32(template.image.encode())))
    for item in noun_instructions(labels, count, rng, more):
        readers = tuple(labels.entities[index].masks for index in item.targets)
        masks = partial(_read_all, readers) if readers else template.masks
        yield replace(
            template,
            instruction=item.text,
            phrases=(Phrase(item.phrase, masks),),
            labels={"level": item.level, "cardinality": item.cardinality, "kind": item.kind},
            nouns=None if more else labels,
        )


def noun_instructions(
    labels: NounLabels, count: int, rng: np.random.Generator, more: Sequence[NounInstruction] = ()
) -> list[NounInstruction]:
    """Write up to ``count`` distinct instructions, as many of each kind as there are.

    A noun that another one of the image ends with names more than its label ("glass" beside "wine glass") and
    is left out, and so is an absent noun that ends with the same word as one of the image.
    """
    nouns = tuple(dict.fromkeys(entity.noun for entity in labels.entities))
    named = {*nouns, *labels.ambiguous}
    pools: dict[str, list[NounInstruction]] = {}
    for item in more:
        pools.setdefault(item.kind, []).append(item)
    for noun in nouns:
        if noun not in labels.ambiguous and not any(other.endswith(f" {noun}") for other in named):
            for item in _about(noun, labels, rng):
                pools.setdefault(item.kind, []).append(item)
    found = _take_turns(tuple(pools.values()), count, rng)
    heads = {_head(noun) for noun in named}
    absent = [noun for noun in sorted(labels.absent) if _head(noun) not in heads]
    places = [place for place in range(len(found)) if rng.random() < NEGATIVE_SHARE][: len(absent)]
    for place, number in zip(places, rng.permutation(len(absent)), strict=False):
        found[place] = absent_noun(absent[number], rng)
    return found


def absent_noun(noun: str, rng: np.random.Generator) -> NounInstruction:
    """Write an instruction that names a noun without an object in the image."""
    forms, kind = (ONE, "noun") if rng.random() < 0.5 else (ALL, "all")
    return _word(forms, noun, (), kind, "none", rng)


def _about(noun: str, labels: NounLabels, rng: np.random.Generator) -> Iterator[NounInstruction]:
    """One instruction of every kind that the labels of a noun allow."""
    found = tuple(index for index, entity in enumerate(labels.entities) if entity.noun == noun)
    if len(found) == 1:
        yield _word(ONE, noun, found, "noun", "one", rng)
    elif noun in labels.exhaustive:
        is_counted = plural(noun) != noun
        if len(found) <= MOST_TARGETS:
            yield _word((*ALL, "every {n}") if is_counted else ALL, noun, found, "all", "all", rng)
        if len(found) <= MOST_TARGETS and is_counted:
            yield _word(PAIR if len(found) == 2 else COUNTED, noun, found, "count", "all", rng)
        for place, index in _places(labels.entities, found) if is_counted else ():
            forms = PLACES_OF_TWO[place] if len(found) == 2 and rng.random() < 0.5 else PLACES[place]
            yield _word(forms, noun, (index,), "place", "one", rng)


def _word(
    forms: Sequence[str],
    noun: str,
    targets: tuple[int, ...],
    kind: str,
    cardinality: str,
    rng: np.random.Generator,
) -> NounInstruction:
    form = forms[int(rng.integers(len(forms)))]
    number = NUMBERS[len(targets) - 2] if kind == "count" else ""
    text, is_bare = form.format(n=noun, ns=plural(noun), number=number), form in ("{n}", "{ns}")
    if not is_bare and rng.random() < 0.5:
        text = f"{SENTENCES[int(rng.integers(len(SENTENCES)))]} {text}"
    return NounInstruction(text, noun, targets, kind, "concept" if is_bare else "simple", cardinality)


def _places(entities: Sequence[Entity], indices: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Places that single out one of several objects, and its index."""
    spans = {index: span for index in indices if (span := entities[index].span) is not None}
    if len(spans) < len(indices):
        return
    order = sorted(indices, key=lambda index: sum(spans[index]))
    if all(_is_left(spans[order[0]], spans[other]) for other in order[1:]):
        yield "left", order[0]
    if all(_is_left(spans[other], spans[order[-1]]) for other in order[:-1]):
        yield "right", order[-1]
    if len(order) == 3 and all(_is_left(spans[one], spans[other]) for one, other in pairwise(order)):
        yield "middle", order[1]


def _is_left(span: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a span is left of another: neither contains the other's centre, and the centres are apart."""
    distance = (sum(other) - sum(span)) / 2
    return distance >= max(CLEAR_DISTANCE, (span[1] - span[0]) / 2, (other[1] - other[0]) / 2)


def _take_turns(
    pools: Sequence[list[NounInstruction]], count: int, rng: np.random.Generator
) -> list[NounInstruction]:
    """Draw ``count`` instructions, one of each pool in turn."""
    shuffled = [[pool[i] for i in rng.permutation(len(pool))] for pool in pools]
    found: list[NounInstruction] = []
    while any(shuffled):
        found += [shuffled[i].pop() for i in rng.permutation(len(shuffled)) if shuffled[i]]
    return found[:count]


def _head(noun: str) -> str:
    return noun.rsplit(" ", 1)[-1]


def _read_all(readers: Sequence[Masks]) -> NDArray[np.bool_]:
    return np.concatenate([read() for read in readers])
