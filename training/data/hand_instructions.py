"""Instructions about hands and what they touch (VISOR), and about what is being done with an object.

They are written only where the labels are certain: a hand whose contact is inconclusive gives none, and a
hand that certainly touches nothing one without a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from instructsam_ros.training.data.noun_instructions import Entity, NounInstruction

TOUCHED = (
    "the object that {whose} {side} hand touches",
    "what {whose} {side} hand is touching",
    "segment what {whose} {side} hand touches",
)
HELD = (
    "the object in {whose} {side} hand",
    "what {whose} {side} hand holds",
    "find the thing that {whose} {side} hand is holding",
)
EVERYTHING = (
    "everything that is being touched",
    "everything that {whose} hands touch",
    "segment all objects that {whose} hands are touching",
)
BOTH = ("{whose} hands", "both of {whose} hands", "segment {whose} hands")
UNTOUCHED = ("the {noun} that neither hand touches", "find the {noun} that no hand is touching")
DONE = (
    "what is being {done}",
    "the object that is being {done}",
    "the {noun} that is being {done}",
    "find the {noun} being {done}",
)
WHOSE = ("the", "my")
"""Pictures from the head of the wearer show their own hands."""

PARTICIPLES = {
    "close": "closed", "cut": "cut", "dry": "dried", "fold": "folded", "grate": "grated", "hold": "held",
    "knead": "kneaded", "lift": "lifted", "mix": "mixed", "move": "moved", "open": "opened",
    "peel": "peeled", "pour": "poured", "rinse": "rinsed", "scrub": "scrubbed", "shake": "shaken",
    "slice": "sliced", "squeeze": "squeezed", "stir": "stirred", "wash": "washed", "wipe": "wiped",
}  # fmt: skip
"""Past participles of the verbs of which one picture can show that they are being done."""


@dataclass(frozen=True)
class Hand:
    """A hand of the wearer, "left" or "right". entity: index of its mask, None where a glove hides it.

    is_certain: whether it is known what it touches; touches: the index of that, None for nothing.
    """

    side: str
    entity: int | None
    is_certain: bool
    touches: int | None = None


@dataclass(frozen=True)
class Action:
    """What is being done when the image is taken. verb: in the infinitive. noun: what it is done to."""

    verb: str
    noun: str


def hand_instructions(
    entities: Sequence[Entity],
    hands: Sequence[Hand],
    held: frozenset[int],
    untouched: Mapping[str, int | None],
    rng: np.random.Generator,
) -> Iterator[NounInstruction]:
    """Write the instructions that the labels of hands allow, each at most once.

    hands: at most one per side. held: entities of a kind that is held when it is touched, as a cup is and a
    tap is not. untouched: the one object of a noun that is certainly out of reach of all hands, None where
    hands touch all objects of the noun.
    """
    for hand in hands:
        if hand.is_certain:
            forms = (*TOUCHED, *HELD) if hand.touches is None or hand.touches in held else TOUCHED
            targets = () if hand.touches is None else (hand.touches,)
            yield _word(forms, _noun(entities, targets), targets, "contact", rng, side=hand.side)
    if {hand.side for hand in hands} != {"left", "right"}:
        return
    if None not in (seen := [hand.entity for hand in hands]):
        yield _word(BOTH, "hand", tuple(index for index in seen if index is not None), "hands", rng)
    if all(hand.is_certain for hand in hands):
        touched = tuple(sorted({hand.touches for hand in hands if hand.touches is not None}))
        yield _word(EVERYTHING, _noun(entities, touched), touched, "contact", rng)
        for noun, index in untouched.items():
            yield _word(UNTOUCHED, noun, () if index is None else (index,), "contact", rng, noun=noun)


def action_instructions(
    entities: Sequence[Entity], actions: Iterable[Action], rng: np.random.Generator
) -> Iterator[NounInstruction]:
    """Write what is being done to the one entity that an action names.

    Verbs whose course no single picture shows ("find") and those done to several things at a time give none.
    """
    actions = tuple(dict.fromkeys(actions))
    for action in actions:
        done = PARTICIPLES.get(action.verb)
        same = [other for other in actions if PARTICIPLES.get(other.verb) == done]
        found = tuple(index for index, entity in enumerate(entities) if entity.noun == action.noun)
        if done and len(same) == 1 and len(found) == 1:
            yield _word(DONE, action.noun, found, "action", rng, noun=action.noun, done=done)


def _noun(entities: Sequence[Entity], targets: tuple[int, ...]) -> str:
    """The common noun of the targets, as the answer names them."""
    nouns = {entities[index].noun for index in targets}
    return nouns.pop() if len(nouns) == 1 else "object"


def _word(
    forms: Sequence[str],
    phrase: str,
    targets: tuple[int, ...],
    kind: str,
    rng: np.random.Generator,
    **words: str,
) -> NounInstruction:
    form = forms[int(rng.integers(len(forms)))]
    text = form.format(whose=WHOSE[int(rng.integers(len(WHOSE)))], **words)
    names_it = kind == "hands" or "{noun}" in form
    cardinality = "none" if not targets else "one" if len(targets) == 1 else "all"
    return NounInstruction(text, phrase, targets, kind, "simple" if names_it else "complex", cardinality)
