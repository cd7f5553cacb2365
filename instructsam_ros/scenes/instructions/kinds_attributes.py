"""Kinds of instructions that name things: by category, colour, group, material, number, exception."""

from __future__ import annotations

from dataclasses import replace

from instructsam_ros.scenes.assets.catalogue import COLORLESS, DISH_COLORS
from instructsam_ros.scenes.instructions.drafting import Draft, Speaker
from instructsam_ros.scenes.instructions.noun_phrases import GROUP_NAMES, Noun
from instructsam_ros.scenes.instructions.scene_facts import has_color, made_of
from instructsam_ros.scenes.instructions.three_valued_logic import (
    intersect,
    members,
    subtract,
    undecided,
    unite,
)

NUMBERS = {2: "two", 3: "three", 4: "four"}
NOTHING_TO_EXCLUDE = 0.2
"""How often "everything except the knife" is said where there is no knife."""
TWO_TO_EXCLUDE = 0.3
"""How often two things are left out: "everything except the knife and the mugs"."""
ALIKE_SHARE = 0.5
"""How often "the mug that is not red" has no target because all mugs are red; else there is no mug."""
SUBSTANCES = {"metal": "metal", "glass": "glass", "wooden": "wood"}


def concept(speaker: Speaker) -> Draft | None:
    """A bare noun phrase: all that it names."""
    noun = speaker.colored() if speaker.chance(0.6) else speaker.noun(_present_or_missing(speaker))
    return None if noun is None else Draft("concept", "concept", noun, noun.named, noun.slots)


def concept_group(speaker: Speaker) -> Draft:
    """The bare name of a group: fruit, utensils."""
    noun = speaker.group(speaker.pick(list(GROUP_NAMES)))
    return Draft("concept", "concept", noun, noun.named, noun.slots)


def name(speaker: Speaker) -> Draft:
    """The mug: exactly one, or none."""
    noun = speaker.noun(_present_or_missing(speaker))
    return Draft("simple", "name", noun, noun.named, noun.slots, unique=True)


def every(speaker: Speaker) -> Draft | None:
    """All the mugs, or all of a group."""
    if speaker.chance(0.25):
        noun = speaker.group(speaker.pick(list(GROUP_NAMES)))
    else:
        family = speaker.family()
        if family is None:
            return None
        noun = family
    return Draft("simple", "all", noun, noun.named, noun.slots)


def everything(speaker: Speaker) -> Draft:
    """All objects."""
    head = speaker.objects()
    return Draft("simple", "everything", head, head.named)


def attribute(speaker: Speaker) -> Draft | None:
    """The red mug, the red mugs."""
    noun = speaker.colored()
    return None if noun is None else Draft("simple", "attr", noun, noun.named, noun.slots)


def color_all(speaker: Speaker) -> Draft | None:
    """Everything red."""
    absent = [color for color in DISH_COLORS if color not in speaker.colors]
    options = absent if speaker.absent else speaker.colors
    if not options:
        return None
    color = speaker.pick(options)
    noun = speaker.objects(speaker.picture.where(has_color(color)), color)
    return Draft("simple", "color_all", noun, noun.named, {"color": color})


def color_one(speaker: Speaker) -> Draft | None:
    """The red one, where only one thing is red."""
    draft = color_all(speaker)
    return draft and replace(draft, construct="color_one", unique=True)


def material(speaker: Speaker) -> Draft:
    """All metal objects."""
    adjective = speaker.pick(list(SUBSTANCES))
    noun = speaker.objects(speaker.picture.where(made_of(SUBSTANCES[adjective])), adjective)
    return Draft(
        "simple", "material", noun, noun.named, {"material": adjective, "substance": SUBSTANCES[adjective]}
    )


def count(speaker: Speaker) -> Draft | None:
    """The three mugs, where there are exactly three."""
    noun = speaker.family()
    if noun is None:
        return None
    found = len(members(noun.named))
    number = speaker.pick(list(NUMBERS)) if speaker.absent else found
    answer = noun.named if number in NUMBERS and found in (0, number) else undecided(noun.named)
    return Draft("simple", "count", noun, answer, noun.slots | {"number": NUMBERS.get(number, "")})


def union(speaker: Speaker) -> Draft | None:
    """The mugs and the red bowl: both parts exist, or none does."""
    first, second = (_named_part(speaker) for _ in range(2))
    if first is None or second is None or first.bare == second.bare:
        return None
    if first.phrase.split()[-1] == second.phrase.split()[-1]:
        return None  # "the glass and the wine glass": hard to say apart
    if bool(members(first.named)) != bool(members(second.named)):
        return None
    phrase = " , ".join(sorted((first.phrase, second.phrase)))
    named = unite((first.named, second.named))
    head = Noun(phrase, phrase, phrase, phrase, phrase, named)
    slots = {"first": _definite(speaker, first), "second": _definite(speaker, second)}
    parts = {slots["first"]: first.named, slots["second"]: second.named}
    return Draft("simple", "union", head, named, slots, others=parts)


def except_color(speaker: Speaker) -> Draft | None:
    """All the mugs except the red one; when absent, all of them may be red."""
    alike = _alike(speaker) if speaker.absent and speaker.chance(ALIKE_SHARE) else []
    noun = speaker.noun(speaker.pick(alike)) if alike else speaker.family()
    if noun is None or noun.color:
        return None
    things = [speaker.picture.things[i] for i in members(noun.named)]
    colors = [t.color for t in things if t.color not in COLORLESS] or speaker.colors
    if not colors:
        return None
    color = speaker.pick(colors)
    if not speaker.allowed(color, noun.category):
        return None
    excluded = speaker.picture.where(has_color(color))
    ones = "one" if colors.count(color) == 1 else "ones"
    slots = noun.slots | {"color": color, "ones": ones}
    answer, those = subtract(noun.named, excluded), intersect(noun.named, excluded)
    others = {f"the {color} {ones}": those}
    return Draft("simple", "except_color", noun, answer, slots, excludes=True, others=others)


def not_color(speaker: Speaker) -> Draft | None:
    """The mug that is not red, where all others are, or all are."""
    draft = except_color(speaker)
    return draft and replace(draft, construct="not_color", unique=True)


def except_one(speaker: Speaker) -> Draft | None:
    """Everything except the knife; now and then there is none, and so everything is meant."""
    if speaker.absent:
        return None
    excludes = not speaker.chance(NOTHING_TO_EXCLUDE)
    if excludes:
        nouns = [_excluded(speaker) for _ in range(2 if speaker.chance(TWO_TO_EXCLUDE) else 1)]
    else:
        nouns = [speaker.noun(speaker.missing_category())]
    if len(nouns) > 1 and not _say_different_things(nouns):
        return None
    head, others = speaker.objects(), {_definite(speaker, noun): noun.named for noun in nouns}
    answer, slots = subtract(head.named, unite(others.values())), {"excluded": " and ".join(others)}
    return Draft("simple", "except_one", head, answer, slots, excludes=excludes, others=others)


def _present_or_missing(speaker: Speaker) -> str:
    return speaker.missing_category() if speaker.absent else speaker.thing().category


def _named_part(speaker: Speaker) -> Noun | None:
    if speaker.chance(0.3):
        return speaker.colored()
    return speaker.noun(_present_or_missing(speaker))


def _alike(speaker: Speaker) -> list[str]:
    """Categories of which all that is seen has one colour."""
    colors: dict[str, set[str]] = {}
    for thing in speaker.seen:
        colors.setdefault(thing.category, set()).add(thing.color)
    return [category for category, seen in colors.items() if len(seen) == 1 and not seen & set(COLORLESS)]


def _say_different_things(nouns: list[Noun]) -> bool:
    """Whether each names something, and none what another one names."""
    named = [set(members(noun.named)) for noun in nouns]
    return all(named) and len(set.union(*named)) == sum(map(len, named))


def _excluded(speaker: Speaker) -> Noun:
    """A thing of the picture by its name, now and then with its colour; a group; all of a colour."""
    if speaker.chance(0.2):
        return speaker.colored() or speaker.noun(speaker.thing().category)
    if speaker.chance(0.15):
        return speaker.group(speaker.pick(list(GROUP_NAMES)))
    if speaker.colors and speaker.chance(0.15):
        color = speaker.pick(speaker.colors)
        return speaker.objects(speaker.picture.where(has_color(color)), color)
    return speaker.noun(speaker.thing().category)


def _definite(speaker: Speaker, noun: Noun) -> str:
    """ "the mug" or "the mugs", as the picture has them; either where it has none."""
    found = len(members(noun.named))
    plural = found > 1 or (found == 0 and speaker.chance(0.5))
    return f"the {noun.plural if plural else noun.singular}"
