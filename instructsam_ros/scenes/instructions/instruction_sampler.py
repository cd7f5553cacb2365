"""Random choice of the objects, noun phrases, anchors and purposes of an instruction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from instructsam_ros.scenes.assets.catalogue import CATALOGUE, COLORLESS
from instructsam_ros.scenes.instructions.absent_objects import (
    OOV_OBJECTS,
    OOV_PHRASE,
    OOV_PURPOSES,
    OOV_SITUATIONS,
    SEEN_IN_ROOMS,
)
from instructsam_ros.scenes.instructions.noun_phrases import (
    GROUP_NAMES,
    GROUP_PHRASES,
    NO_ANCHOR,
    OBJECT_PHRASE,
    Anchor,
    Noun,
)
from instructsam_ros.scenes.instructions.scene_facts import (
    ObjectFacts,
    SceneFacts,
    affording,
    has_color,
    in_group,
    is_category,
)
from instructsam_ros.scenes.instructions.spatial_relations import Relation
from instructsam_ros.scenes.instructions.templates import paraphrases
from instructsam_ros.scenes.instructions.three_valued_logic import Selection, Truth, exact, members, undecided
from instructsam_ros.scenes.sampling.splits import manifest

T = TypeVar("T")
OOV_SHARE = 0.25
"""Share of out-of-vocabulary objects among absent ones."""
ABSENT_ANCHOR_SHARE = 0.5
"""Share of absent anchors among relations without a target."""
NEAR_MISS_SHARE = 0.3
"""Share of near misses among absent anchors: the right category in a wrong colour, or the reverse."""
OOV_PURPOSE = "out of vocabulary"
"""Name of the out-of-vocabulary purpose, next to those of the affordances."""


class InstructionSampler:
    """Samples the parts of logical forms about one scene.

    facts: the scene. random: source of all choices. split: "train" avoids held-out templates and pairs.
    negative: whether to sample an instruction without a target; kinds then choose near misses.
    anchors: noun phrase of every anchor sampled so far -> object id, or NO_ANCHOR.
    """

    def __init__(self, facts: SceneFacts, source: random.Random, split: str) -> None:
        self.facts = facts
        self.random = source
        self.split = split
        self.negative = False
        self.anchors: dict[str, int] = {}
        self.seen: list[ObjectFacts] = facts.well_seen()
        self.counts = Counter(item.category for item in self.seen)
        present = {item.category for item in facts.objects.values()}
        self.absent_categories = [name for name in (*CATALOGUE, *facts.extra) if name not in present]
        self.unknown_objects = [
            name
            for name in OOV_OBJECTS
            if not facts.lexicon.mentions(name) and not (facts.has_room and name in SEEN_IN_ROOMS)
        ]
        self.colors = sorted({item.color for item in self.seen} - set(COLORLESS))

    def pick(self, options: Sequence[T]) -> T:
        """Choose one of the options uniformly."""
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    def visible_object(self) -> ObjectFacts:
        """Choose a clearly visible object."""
        return self.pick(self.seen)

    def category(self) -> str:
        """Choose a category of the scene, or sometimes an absent one for a negative instruction."""
        if self.negative and self.chance(0.4):
            return self.absent_category()
        return self.visible_object().category

    def absent_category(self) -> str:
        """Choose a category that is absent from the scene, sometimes an out-of-vocabulary one."""
        return self.pick(self.unknown_objects if self.chance(OOV_SHARE) else self.absent_categories)

    def family(self) -> Noun | None:
        """Choose a category with several instances, sometimes with a colour that several of them share.

        For a negative instruction: an absent category, or a present one in a colour it does not have.
        """
        if self.negative:
            return self._near_miss() if self.chance(0.4) else self.noun(self.absent_category())
        several = [category for category, count in self.counts.items() if count > 1]
        if not several:
            return None
        category = self.pick(several)
        colors = Counter(item.color for item in self.seen if item.category == category)
        shared = [c for c, n in colors.items() if n > 1 and c not in COLORLESS and self.allowed(c, category)]
        return self.noun(category, self.pick(shared) if shared and self.chance(0.3) else "")

    def allowed(self, color: str, category: str) -> bool:
        """Return whether the split may name this pair; "the orange orange" is never allowed."""
        if color == category:
            return False
        return self.split != "train" or (color, category) not in manifest().pairs

    def noun(self, category: str, color: str = "") -> Noun:
        """Build a noun phrase from one of the category's names and an optional colour adjective."""
        unknown = category in self.unknown_objects
        one, many = OOV_OBJECTS[category] if unknown else self.pick(self.facts.lexicon.names(category))
        return self.noun_of(one, many, category, color, is_category(category))

    def noun_of(
        self, one: str, many: str, category: str, color: str, is_noun: Callable[[ObjectFacts], Truth]
    ) -> Noun:
        """Build a noun phrase from a singular and a plural. is_noun: whether an object is one."""
        tests = [is_noun] + ([has_color(color)] if color else [])
        prefix = f"{color} " if color else ""
        return Noun(
            prefix + one,
            prefix + many,
            one,
            many,
            prefix + category,
            self.facts.where(*tests),
            color,
            category,
        )

    def colored(self) -> Noun | None:
        """Choose a coloured category of the scene, or a near miss for a negative instruction.

        Near misses: a present category in another present colour, or another category (sometimes an
        out-of-vocabulary one) in a present colour.
        """
        if self.negative and self.colors and self.chance(OOV_SHARE):
            return self.noun(self.pick(self.unknown_objects), self.pick(self.colors))
        if self.negative:
            return self._near_miss()
        item = self.visible_object()
        if item.color in COLORLESS or not self.allowed(item.color, item.category):
            return None
        return self.noun(item.category, item.color)

    def _near_miss(self) -> Noun | None:
        item = self.visible_object()
        if self.chance(0.6):  # right category, wrong colour
            options = [c for c in self.facts.lexicon.colors(item.category) if c not in COLORLESS]
            if not options:
                return None
            nearby = [color for color in options if color in self.colors and color != item.color]
            color = self.pick(nearby if nearby and self.chance(0.7) else options)
            category = item.category
        elif item.color not in COLORLESS:  # right colour, wrong category
            color = item.color
            lexicon = self.facts.lexicon
            names = (*CATALOGUE, *lexicon.nouns)
            category = self.pick([name for name in names if color in lexicon.colors(name)] or [item.category])
        else:
            return None
        return self.noun(category, color) if self.allowed(color, category) else None

    def group(self, group: str) -> Noun:
        """Build a noun phrase for a group of categories."""
        one, many = self.pick(GROUP_NAMES[group])
        return Noun(one, many, one, many, GROUP_PHRASES[group], self.facts.where(in_group(group)))

    def object_noun(self, named: Selection | None = None, adjective: str = "") -> Noun:
        """Build the noun phrase "object", with an optional adjective and its referents."""
        prefix = f"{adjective} " if adjective else ""
        one, many = prefix + "object", prefix + "objects"
        everything = self.facts.everything() if named is None else named
        if self.facts.has_unnamed:  # is a thing without a name an object?
            everything = undecided(everything)
        return Noun(one, many, one, many, prefix + OBJECT_PHRASE, everything)

    def purpose(self) -> tuple[str, Noun]:
        """Choose an affordance and its canonical noun phrase: one that the scene offers.

        For a negative instruction: one that it does not offer, sometimes an out-of-vocabulary purpose.
        """
        lexicon = self.facts.lexicon  # its objects may well serve a purpose that the package does not know
        if self.negative and self.chance(OOV_SHARE) and not lexicon:
            one, many = OOV_PHRASE, OOV_PHRASE + "s"
            return OOV_PURPOSE, Noun(one, many, one, many, one, self.facts.where(is_category(OOV_PURPOSE)))
        names = lexicon.purpose_names()
        offered = set().union(*(lexicon.affordances(category) for category in self.counts))
        options = [name for name in names if (name in offered) != self.negative]
        name = self.pick(options or names)
        phrase = lexicon.purpose_phrase(name)
        named = self.facts.where(affording(name))
        return name, Noun(phrase, phrase + "s", phrase, phrase + "s", phrase, named)

    def purpose_slots(self, name: str) -> dict[str, str]:
        """Choose paraphrases of an affordance."""
        if name == OOV_PURPOSE:
            return {"purpose": self.pick(OOV_PURPOSES), "situation": self.pick(OOV_SITUATIONS)}
        purposes, situations = self.facts.lexicon.purpose_texts(name)
        return {"purpose": self.pick(purposes), "situation": self.pick(situations)}

    def relation(self, relation: Relation) -> str:
        """Choose a paraphrase of a relation."""
        return self.pick(paraphrases().relations[relation])

    def anchor(self, *excluded: int) -> Anchor | None:
        """Choose a visible object that its category, or colour and category, identifies uniquely."""
        for _ in range(4):
            item = self.visible_object()
            if item.id in excluded:
                continue
            noun = self.noun(item.category)
            if not self._names_only(noun, item):
                if item.color in COLORLESS or not self.allowed(item.color, item.category):
                    continue
                noun = self.noun(item.category, item.color)
                if not self._names_only(noun, item):
                    continue
            return self._named_anchor(item.id, noun)
        return None

    def maybe_absent_anchor(self, *among: str) -> Anchor | None:
        """Sample, for some negative instructions, an anchor that is absent from the scene.

        among: categories to choose from; all if none are given. ``negative`` is then reset, so that the head
        noun has referents and the absent anchor alone leaves the instruction without a target.
        """
        if not self.negative or not self.chance(ABSENT_ANCHOR_SHARE):
            return None
        anchor = self.absent_anchor(*among)
        if anchor is not None:
            self.negative = False
        return anchor

    def absent_anchor(self, *among: str) -> Anchor | None:
        """Sample an anchor that is unambiguously absent, from the given categories if any."""
        options = [category for category in self.absent_categories if category in among]
        if among and not options:
            return None
        if among:
            noun = self.noun(self.pick(options))
        else:
            near_miss = self._near_miss() if self.chance(NEAR_MISS_SHARE) else None
            noun = near_miss or self.noun(self.absent_category())
        if members(noun.named) or not exact(noun.named):
            return None
        return self._named_anchor(NO_ANCHOR, noun)

    def _named_anchor(self, item: int, noun: Noun) -> Anchor:
        text = f"the {noun.singular}"
        self.anchors[text] = item
        return Anchor(item, text)

    @staticmethod
    def _names_only(noun: Noun, item: ObjectFacts) -> bool:
        return exact(noun.named) and members(noun.named) == (item.id,)
