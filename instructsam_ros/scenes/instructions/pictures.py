"""Instructions about photographs whose objects are labelled with nouns, in the wordings of those about views.

Every answer follows from the labels. What a photograph shows without a label is one more object, of which a
noun is false only where the labelling covers that noun; so "all the cups" can be answered where all cups are
labelled, and "everything" never.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import COLORLESS, DISH_COLORS, MIXED
from instructsam_ros.scenes.assets.nouns import absent_nouns, everyday_nouns
from instructsam_ros.scenes.instructions import kinds_affordances, kinds_attributes, kinds_spatial
from instructsam_ros.scenes.instructions.color_names import ANY_COLOR, GRAYS
from instructsam_ros.scenes.instructions.generator import Kind, draw_instruction
from instructsam_ros.scenes.instructions.instruction import Instruction
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.lexicon import Lexicon
from instructsam_ros.scenes.instructions.logical_form import Level
from instructsam_ros.scenes.instructions.noun_phrases import Noun
from instructsam_ros.scenes.instructions.scene_facts import (
    ObjectFacts,
    SceneFacts,
    affording,
)
from instructsam_ros.scenes.instructions.templates import paraphrases
from instructsam_ros.scenes.instructions.three_valued_logic import Truth, exact, members, undecided

Names = tuple[tuple[str, str], ...]
"""(singular, plural) pairs of a noun."""

KINDS: dict[Level, dict[Kind, float]] = {
    "concept": {kinds_attributes.concept: 1},
    "simple": {
        kinds_attributes.name: 2,
        kinds_attributes.every: 2,
        kinds_attributes.attribute: 2,
        kinds_attributes.count: 1.5,
        kinds_attributes.union: 1,
        kinds_attributes.except_color: 1,
        kinds_attributes.not_color: 0.5,
        kinds_spatial.relation: 3,
        kinds_spatial.relation_count: 1,
        kinds_spatial.except_relation: 0.5,
        kinds_spatial.not_related: 0.5,
        kinds_spatial.size_superlative: 1.5,
        kinds_spatial.side_superlative: 1.5,
        kinds_spatial.top_k: 1,
        kinds_spatial.top_k_side: 1,
        kinds_spatial.ordinal: 1,
        kinds_spatial.middle: 1,
    },
    "complex": {
        kinds_affordances.purpose: 3,
        kinds_affordances.purpose_color: 1,
        kinds_affordances.purpose_not_color: 1,
        kinds_affordances.purpose_related: 1,
        kinds_affordances.purpose_size: 1,
        kinds_affordances.between: 1,
    },
}
"""Kinds that labels and the picture can answer, with their relative frequencies."""

WITHOUT_COLOR = frozenset({"person", "hand"})
"""Nouns of what has the colours of clothes."""
METALLIC = frozenset({"utensil", "cookware"})
"""Kinds of which what looks gray, white or black is often bare metal, which reflects its surroundings."""
PACKAGE_NOUNS = Lexicon({}, {})
UNLABELLED = -1
"""Id of what a photograph shows without a label."""
_COUNTING = re.compile(r"\b(an?|each|every|one|two|three|four|both|are|many|these|those|ones)\b")
"""Words around nouns that have a plural of their own."""


@dataclass(frozen=True)
class PictureObject:
    """A labelled object of a photograph.

    noun: its label; "" for one without a known noun. perhaps: nouns that may be said of it, too. box: as
    shares of the image. area: visible share of the image. color, colors: see
    ``measured_colors``. seen: as in
    ObjectFacts. visible: share of it that is in the picture. is_cut: whether the border cuts it.
    """

    id: int
    noun: str
    perhaps: frozenset[str]
    box: tuple[float, float, float, float]
    area: float
    color: str
    colors: frozenset[str]
    seen: Truth
    visible: float
    is_cut: bool


class PictureFacts(SceneFacts):
    """Facts about a photograph.

    covered: nouns every object of which is among the objects. names: of nouns that are no everyday nouns.
    aspect: height of the image divided by its width.
    """

    def __init__(
        self,
        objects: Sequence[PictureObject],
        covered: frozenset[str],
        names: Mapping[str, Names],
        aspect: float,
    ) -> None:
        self.objects = {item.id: _facts(item, aspect) for item in objects}
        self.extra = ()
        self.lexicon, self.has_unnamed, self.has_room = PACKAGE_NOUNS, False, False
        self.covered = covered
        self.names = {**names, **{name: noun.names for name, noun in everyday_nouns().items()}}
        present = {item.noun for item in objects}.union(*(item.perhaps for item in objects)) - {""}
        everyday = [name for name in present if name in everyday_nouns()]
        self.absent = sorted(absent_nouns(covered, everyday) - present)
        self.objects[UNLABELLED] = _facts(
            PictureObject(UNLABELLED, "", frozenset(), (0, 0, 1, 1), 1, MIXED, frozenset(), None, 1, True),
            aspect,
        )

    def is_noun(self, noun: str) -> Callable[[ObjectFacts], Truth]:
        """Build a predicate: the object is one; unlabelled ones are none of the covered nouns."""

        def holds(item: ObjectFacts) -> Truth:
            if item.id == UNLABELLED:
                return 0 if noun in self.covered else None
            if item.category == noun:
                return 1
            return None if noun in item.unsure else 0

        return holds

    def serves(self, affordance: str) -> Callable[[ObjectFacts], Truth]:
        """Build a predicate: the object surely serves a purpose; unlabelled ones do not where all nouns that
        serve it are covered.
        """
        able = {name for name, noun in everyday_nouns().items() if affordance in noun.affords}

        def holds(item: ObjectFacts) -> Truth:
            if item.id == UNLABELLED:
                return 0 if able <= self.covered else None
            if item.category in able:
                return 1
            return None if able & item.unsure else affording(affordance)(item)

        return holds


class PictureSampler(InstructionSampler):
    """Samples the parts of logical forms about a photograph."""

    facts: PictureFacts

    def __init__(self, facts: PictureFacts, source: random.Random, split: str) -> None:
        super().__init__(facts, source, split)
        self.seen = [item for item in self.seen if item.category in facts.covered]
        self.counts = Counter(item.category for item in self.seen)
        self.colors = sorted({item.color for item in self.seen} - set(COLORLESS))
        self.absent_categories = facts.absent
        purposes = [name for name in AFFORDANCES if name in paraphrases().purposes]
        served = {name: facts.where(facts.serves(name)) for name in purposes}
        self.served = {name: named for name, named in served.items() if exact(named)}
        """Purposes of which it is known what in the picture serves them, and what does."""

    def absent_category(self) -> str:
        """Choose a noun that is certainly absent; where none is, one that the picture shows."""
        return self.pick(self.absent_categories or [self.visible_object().category])

    def noun(self, category: str, color: str = "") -> Noun:
        """Build a noun phrase from one of the noun's names and an optional colour adjective."""
        one, many = self.pick(self.facts.names[category])
        return self.noun_of(one, many, category, color, self.facts.is_noun(category))

    def colored(self) -> Noun | None:
        """Choose a coloured noun of the picture, or a near miss for a negative instruction."""
        if self.negative:
            return self._near_miss()
        item = self.visible_object()
        if item.color in COLORLESS or not self.allowed(item.color, item.category):
            return None
        return self.noun(item.category, item.color)

    def _near_miss(self) -> Noun | None:
        """The right noun in a wrong colour, or an absent one in a colour of the picture."""
        if self.absent_categories and self.colors and self.chance(0.4):
            category, color = self.absent_category(), self.pick(self.colors)
        else:
            category, color = self.visible_object().category, self.pick(DISH_COLORS)
        return self.noun(category, color) if self.allowed(color, category) else None

    def group(self, group: str) -> Noun:
        """Build a noun phrase that cannot be answered: no labelling covers a whole group."""
        noun = super().group(group)
        return Noun(noun.singular, noun.plural, noun.bare, noun.bares, noun.phrase, undecided(noun.named))

    def purpose(self) -> tuple[str, Noun]:
        """Choose an affordance and its canonical noun phrase: one that the picture offers, or does not offer
        for a negative instruction.
        """
        options = [name for name, named in self.served.items() if bool(members(named)) != self.negative]
        name = self.pick(options or list(self.served) or list(paraphrases().purposes))
        phrase = AFFORDANCES[name].phrase
        named = self.served.get(name) or undecided(self.facts.everything())
        return name, Noun(phrase, phrase + "s", phrase, phrase + "s", phrase, named)


def picture_instructions(
    facts: PictureFacts, rng: np.random.Generator, count: int, split: Literal["train", "heldout"] = "train"
) -> list[Instruction]:
    """Generate up to ``count`` distinct instructions about a photograph; none where it clearly shows nothing
    that its labelling covers. The arguments and shares are those of ``generator.instructions``.
    """
    sampler = PictureSampler(facts, random.Random(int(rng.integers(1 << 62))), split)
    if not sampler.seen:
        return []
    found: dict[str, Instruction] = {}
    uncounted = [one for names in facts.names.values() for one, many in names if one == many]
    for _ in range(count):
        item = draw_instruction(sampler, found, KINDS)
        if item and not (_COUNTING.search(item.text.lower()) and _mentions(item.text, uncounted)):
            found[item.text] = item
    return list(found.values())


def _mentions(text: str, names: Sequence[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in names)


def _facts(item: PictureObject, aspect: float) -> ObjectFacts:
    left, top, right, bottom = item.box
    size = item.area**0.5
    everyday = everyday_nouns().get(item.noun)
    is_metallic = item.color in GRAYS and everyday is not None and METALLIC & {*everyday.kinds}
    is_doubtful = item.noun in WITHOUT_COLOR or is_metallic
    return ObjectFacts(
        id=item.id,
        category=item.noun,
        color=MIXED if is_doubtful else item.color,
        material="",
        groups=everyday.kinds if everyday else (),
        extent=(size, size, size),
        right=(left + right) / 2,
        ahead=-(top + bottom) / 2 * aspect,
        at=(0.0, 0.0, 0.0),
        column=(left + right) / 2,
        visible=item.visible,
        truncated=item.is_cut,
        parent=None,
        relation=None,
        named_colors=ANY_COLOR if is_doubtful else item.colors,
        seen=item.seen,
        other_colors=(),
        loose=False,
        also=frozenset(),
        unsure=item.perhaps,
        affordances=PACKAGE_NOUNS.affordances(item.noun),
        perhaps=PACKAGE_NOUNS.perhaps(item.noun),
        box=item.box,
    )
