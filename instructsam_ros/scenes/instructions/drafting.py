"""Somebody who looks at a picture and picks what to talk about."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import CATALOGUE, COLORLESS
from instructsam_ros.scenes.instructions.absent_objects import (
    STRANGE_PHRASE,
    STRANGE_PURPOSES,
    STRANGE_SITUATIONS,
    STRANGERS,
)
from instructsam_ros.scenes.instructions.noun_phrases import (
    GROUP_NAMES,
    GROUP_PHRASES,
    NOWHERE,
    OBJECT_PHRASE,
    Anchor,
    Noun,
)
from instructsam_ros.scenes.instructions.scene_facts import (
    Picture,
    Thing,
    affording,
    has_color,
    in_group,
    is_category,
)
from instructsam_ros.scenes.instructions.spatial_relations import Relation
from instructsam_ros.scenes.instructions.templates import wording
from instructsam_ros.scenes.instructions.three_valued_logic import Selection, exact, members
from instructsam_ros.scenes.sampling.splits import manifest

T = TypeVar("T")
STRANGE_SHARE = 0.25
"""How often what is absent is something that no scene holds."""
NOWHERE_SHARE = 0.5
"""How often a relation without a target is one to something that is not in the picture."""
NEARLY_SHARE = 0.3
"""How often that is a near miss: a thing of the picture in another colour, or another thing in its colour."""
STRANGE = "strange"
"""A purpose that nothing in any scene serves, among the names of affordances."""
Level = Literal["concept", "simple", "complex"]


@dataclass(frozen=True)
class Draft:
    """An instruction before it is put into words.

    construct: key of the constructs in templates.yaml. head: what is named before any relation,
    superlative or exception. answer: the truth for every object. unique: the wording is singular
    whatever the answer, so exactly one object (or none) may answer it. excludes: the exception must
    leave out some of the head and keep some. others: further noun phrases of the wording, neither the
    head nor an anchor, and what each names.
    """

    level: Level
    construct: str
    head: Noun
    answer: Selection
    slots: dict[str, str] = field(default_factory=dict)
    unique: bool = False
    excludes: bool = False
    others: dict[str, Selection] = field(default_factory=dict)


class Speaker:
    """picture: what is seen. random: the source of all choices. split: "train" avoids held-out wordings.

    absent: whether an instruction without a target is wanted; kinds then choose near misses.
    anchors: every name of an anchor used so far, and the object that bears it, or NOWHERE.
    """

    def __init__(self, picture: Picture, source: random.Random, split: str) -> None:
        self.picture = picture
        self.random = source
        self.split = split
        self.absent = False
        self.anchors: dict[str, int] = {}
        self.seen: list[Thing] = picture.well_seen()
        self.counts = Counter(thing.category for thing in self.seen)
        present = {thing.category for thing in picture.things.values()}
        self.missing = [name for name in CATALOGUE if name not in present]
        self.colors = sorted({thing.color for thing in self.seen} - set(COLORLESS))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random.random() < probability

    def thing(self) -> Thing:
        """A well visible object."""
        return self.pick(self.seen)

    def category(self) -> str:
        """A category in the picture; now and then one that is not, when no target is wanted."""
        if self.absent and self.chance(0.4):
            return self.missing_category()
        return self.thing().category

    def missing_category(self) -> str:
        """A category that is not in the picture; now and then one that is in no picture."""
        return self.pick(list(STRANGERS) if self.chance(STRANGE_SHARE) else self.missing)

    def family(self) -> Noun | None:
        """A category that occurs several times, now and then with a colour that several of it have.

        When no target is wanted: a missing category, or a present one in a colour that it has not.
        """
        if self.absent:
            return self._near_miss() if self.chance(0.4) else self.noun(self.missing_category())
        several = [category for category, count in self.counts.items() if count > 1]
        if not several:
            return None
        category = self.pick(several)
        colors = Counter(thing.color for thing in self.seen if thing.category == category)
        shared = [c for c, n in colors.items() if n > 1 and c not in COLORLESS and self.allowed(c, category)]
        return self.noun(category, self.pick(shared) if shared and self.chance(0.3) else "")

    def allowed(self, color: str, category: str) -> bool:
        """Whether the split may name this pair; nobody says "the orange orange"."""
        if color == category:
            return False
        return self.split != "train" or (color, category) not in manifest().pairs

    def noun(self, category: str, color: str = "") -> Noun:
        """A category by one of its names, with a colour adjective if given."""
        one, many = STRANGERS.get(category) or self.pick(CATALOGUE[category].names)
        tests = [is_category(category)] + ([has_color(color)] if color else [])
        prefix = f"{color} " if color else ""
        return Noun(
            prefix + one,
            prefix + many,
            one,
            many,
            prefix + category,
            self.picture.where(*tests),
            color,
            category,
        )

    def colored(self) -> Noun | None:
        """A category with a colour: one in the picture, or a near miss when no target is wanted.

        Near misses: the right thing in another colour that is in the picture, or another thing in
        the right colour, now and then one that no scene holds.
        """
        if self.absent and self.colors and self.chance(STRANGE_SHARE):
            return self.noun(self.pick(list(STRANGERS)), self.pick(self.colors))
        if self.absent:
            return self._near_miss()
        thing = self.thing()
        if thing.color in COLORLESS or not self.allowed(thing.color, thing.category):
            return None
        return self.noun(thing.category, thing.color)

    def _near_miss(self) -> Noun | None:
        thing = self.thing()
        if self.chance(0.6):  # right thing, wrong colour
            options = [color for color in CATALOGUE[thing.category].colors if color not in COLORLESS]
            if not options:
                return None
            nearby = [color for color in options if color in self.colors and color != thing.color]
            color = self.pick(nearby if nearby and self.chance(0.7) else options)
            category = thing.category
        elif thing.color not in COLORLESS:  # right colour, wrong thing
            color = thing.color
            fitting = [name for name, entry in CATALOGUE.items() if color in entry.colors]
            category = self.pick(fitting)
        else:
            return None
        return self.noun(category, color) if self.allowed(color, category) else None

    def group(self, group: str) -> Noun:
        """A group of categories."""
        one, many = self.pick(GROUP_NAMES[group])
        return Noun(one, many, one, many, GROUP_PHRASES[group], self.picture.where(in_group(group)))

    def objects(self, named: Selection | None = None, adjective: str = "") -> Noun:
        """Any object, or those of an adjective."""
        prefix = f"{adjective} " if adjective else ""
        one, many = prefix + "object", prefix + "objects"
        everything = self.picture.everything() if named is None else named
        return Noun(one, many, one, many, prefix + OBJECT_PHRASE, everything)

    def purpose(self) -> tuple[str, Noun]:
        """An affordance and its canonical noun; one that the picture offers unless no target is wanted.

        Then now and then a purpose that no scene ever serves.
        """
        if self.absent and self.chance(STRANGE_SHARE):
            one, many = STRANGE_PHRASE, STRANGE_PHRASE + "s"
            return STRANGE, Noun(one, many, one, many, one, self.picture.where(is_category(STRANGE)))
        offered = [
            name
            for name, entry in AFFORDANCES.items()
            if name in wording().purposes and any(category in entry.sure for category in self.counts)
        ]
        options = [name for name in wording().purposes if (name in offered) != self.absent]
        name = self.pick(options or list(wording().purposes))
        phrase = AFFORDANCES[name].phrase
        named = self.picture.where(affording(name))
        return name, Noun(phrase, phrase + "s", phrase, phrase + "s", phrase, named)

    def purpose_slots(self, name: str) -> dict[str, str]:
        """Wordings of an affordance."""
        if name == STRANGE:
            return {"purpose": self.pick(STRANGE_PURPOSES), "situation": self.pick(STRANGE_SITUATIONS)}
        return {
            "purpose": self.pick(wording().purposes[name]),
            "situation": self.pick(wording().situations[name]),
        }

    def relation(self, relation: Relation) -> str:
        """A wording of a relation."""
        return self.pick(wording().relations[relation])

    def anchor(self, *excluded: int) -> Anchor | None:
        """A visible object that its category, or colour and category, names uniquely."""
        for _ in range(4):
            thing = self.thing()
            if thing.id in excluded:
                continue
            noun = self.noun(thing.category)
            if not self._names_only(noun, thing):
                if thing.color in COLORLESS or not self.allowed(thing.color, thing.category):
                    continue
                noun = self.noun(thing.category, thing.color)
                if not self._names_only(noun, thing):
                    continue
            return self._called(thing.id, noun)
        return None

    def nowhere(self, *among: str) -> Anchor | None:
        """Now and then, when no target is wanted, an anchor that is not in the picture.

        among: categories to choose from; all if none are given. What is then said to be there is in
        the picture (``absent`` is over), so that only the missing anchor leaves it without a target.
        """
        if not self.absent or not self.chance(NOWHERE_SHARE):
            return None
        anchor = self.missing_anchor(*among)
        if anchor is not None:
            self.absent = False
        return anchor

    def missing_anchor(self, *among: str) -> Anchor | None:
        """An anchor that is surely not in the picture; of certain categories, if any are given."""
        options = [category for category in self.missing if category in among]
        if among and not options:
            return None
        if among:
            noun = self.noun(self.pick(options))
        else:
            nearly = self._near_miss() if self.chance(NEARLY_SHARE) else None
            noun = nearly or self.noun(self.missing_category())
        if members(noun.named) or not exact(noun.named):
            return None
        return self._called(NOWHERE, noun)

    def _called(self, thing: int, noun: Noun) -> Anchor:
        text = f"the {noun.singular}"
        self.anchors[text] = thing
        return Anchor(thing, text)

    @staticmethod
    def _names_only(noun: Noun, thing: Thing) -> bool:
        return exact(noun.named) and members(noun.named) == (thing.id,)
