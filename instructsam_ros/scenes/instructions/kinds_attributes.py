"""Kinds of instructions that name objects: by category, colour, group, material, number, exception."""

from __future__ import annotations

from dataclasses import replace

from instructsam_ros.scenes.assets.catalogue import COLORLESS, DISH_COLORS
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
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
EMPTY_EXCEPTION_SHARE = 0.2
"""Share of exceptions without referents: "everything except the knife" without a knife."""
TWO_EXCEPTIONS_SHARE = 0.3
"""Share of exceptions of two nouns: "everything except the knife and the mugs"."""
UNIFORM_SHARE = 0.5
"""Share of negatives of "the mug that is not red" in which all mugs are red, instead of absent."""
SUBSTANCES = {"metal": "metal", "glass": "glass", "wooden": "wood"}


def concept(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample a bare noun phrase for all its referents."""
    noun = sampler.colored() if sampler.chance(0.6) else sampler.noun(_present_or_absent(sampler))
    return None if noun is None else LogicalForm("concept", "concept", noun, noun.named, noun.slots)


def concept_group(sampler: InstructionSampler) -> LogicalForm:
    """Sample the bare name of a group: fruit, utensils."""
    noun = sampler.group(sampler.pick(list(GROUP_NAMES)))
    return LogicalForm("concept", "concept", noun, noun.named, noun.slots)


def name(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'The mug': exactly one, or none."""
    noun = sampler.noun(_present_or_absent(sampler))
    return LogicalForm("simple", "name", noun, noun.named, noun.slots, unique=True)


def every(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'All the mugs', or all of a group."""
    if sampler.chance(0.25):
        noun = sampler.group(sampler.pick(list(GROUP_NAMES)))
    else:
        family = sampler.family()
        if family is None:
            return None
        noun = family
    return LogicalForm("simple", "all", noun, noun.named, noun.slots)


def everything(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'All objects'."""
    head = sampler.object_noun()
    return LogicalForm("simple", "everything", head, head.named)


def attribute(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The red mug' or 'the red mugs'."""
    noun = sampler.colored()
    return None if noun is None else LogicalForm("simple", "attr", noun, noun.named, noun.slots)


def color_all(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Everything red'."""
    negative = [color for color in DISH_COLORS if color not in sampler.colors]
    options = negative if sampler.negative else sampler.colors
    if not options:
        return None
    color = sampler.pick(options)
    noun = sampler.object_noun(sampler.facts.where(has_color(color)), color)
    return LogicalForm("simple", "color_all", noun, noun.named, {"color": color})


def color_one(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The red one', where only one object is red."""
    logical_form = color_all(sampler)
    return logical_form and replace(logical_form, construct="color_one", unique=True)


def material(sampler: InstructionSampler) -> LogicalForm:
    """Sample 'All metal objects'."""
    adjective = sampler.pick(list(SUBSTANCES))
    noun = sampler.object_noun(sampler.facts.where(made_of(SUBSTANCES[adjective])), adjective)
    return LogicalForm(
        "simple", "material", noun, noun.named, {"material": adjective, "substance": SUBSTANCES[adjective]}
    )


def count(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The three mugs', where there are exactly three."""
    noun = sampler.family()
    if noun is None:
        return None
    found = len(members(noun.named))
    number = sampler.pick(list(NUMBERS)) if sampler.negative else found
    answer = noun.named if number in NUMBERS and found in (0, number) else undecided(noun.named)
    return LogicalForm("simple", "count", noun, answer, noun.slots | {"number": NUMBERS.get(number, "")})


def union(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mugs and the red bowl': both parts exist, or none does."""
    first, second = (_named_part(sampler) for _ in range(2))
    if first is None or second is None or first.bare == second.bare:
        return None
    if first.phrase.split()[-1] == second.phrase.split()[-1]:
        return None  # "the glass and the wine glass": nearly the same noun
    if bool(members(first.named)) != bool(members(second.named)):
        return None
    phrase = " , ".join(sorted((first.phrase, second.phrase)))
    named = unite((first.named, second.named))
    head = Noun(phrase, phrase, phrase, phrase, phrase, named)
    slots = {"first": _definite(sampler, first), "second": _definite(sampler, second)}
    parts = {slots["first"]: first.named, slots["second"]: second.named}
    return LogicalForm("simple", "union", head, named, slots, others=parts)


def except_color(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'All the mugs except the red one'; as a negative, all may be red."""
    uniform = _uniform_categories(sampler) if sampler.negative and sampler.chance(UNIFORM_SHARE) else []
    noun = sampler.noun(sampler.pick(uniform)) if uniform else sampler.family()
    if noun is None or noun.color:
        return None
    objects = [sampler.facts.objects[i] for i in members(noun.named)]
    colors = [t.color for t in objects if t.color not in COLORLESS] or sampler.colors
    if not colors:
        return None
    color = sampler.pick(colors)
    if not sampler.allowed(color, noun.category):
        return None
    excluded = sampler.facts.where(has_color(color))
    ones = "one" if colors.count(color) == 1 else "ones"
    slots = noun.slots | {"color": color, "ones": ones}
    answer, those = subtract(noun.named, excluded), intersect(noun.named, excluded)
    others = {f"the {color} {ones}": those}
    return LogicalForm("simple", "except_color", noun, answer, slots, excludes=True, others=others)


def not_color(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'The mug that is not red', where all others are, or all are."""
    logical_form = except_color(sampler)
    return logical_form and replace(logical_form, construct="not_color", unique=True)


def except_one(sampler: InstructionSampler) -> LogicalForm | None:
    """Sample 'Everything except the knife'; sometimes there is no knife."""
    if sampler.negative:
        return None
    excludes = not sampler.chance(EMPTY_EXCEPTION_SHARE)
    if excludes:
        nouns = [_excluded(sampler) for _ in range(2 if sampler.chance(TWO_EXCEPTIONS_SHARE) else 1)]
    else:
        nouns = [sampler.noun(sampler.absent_category())]
    if len(nouns) > 1 and not _are_disjoint(nouns):
        return None
    head, others = sampler.object_noun(), {_definite(sampler, noun): noun.named for noun in nouns}
    answer, slots = subtract(head.named, unite(others.values())), {"excluded": " and ".join(others)}
    return LogicalForm("simple", "except_one", head, answer, slots, excludes=excludes, others=others)


def _present_or_absent(sampler: InstructionSampler) -> str:
    return sampler.absent_category() if sampler.negative else sampler.visible_object().category


def _named_part(sampler: InstructionSampler) -> Noun | None:
    if sampler.chance(0.3):
        return sampler.colored()
    return sampler.noun(_present_or_absent(sampler))


def _uniform_categories(sampler: InstructionSampler) -> list[str]:
    """List the categories whose visible objects all have one colour."""
    colors: dict[str, set[str]] = {}
    for item in sampler.seen:
        colors.setdefault(item.category, set()).add(item.color)
    return [category for category, seen in colors.items() if len(seen) == 1 and not seen & set(COLORLESS)]


def _are_disjoint(nouns: list[Noun]) -> bool:
    """Return whether all nouns have referents and no two share one."""
    named = [set(members(noun.named)) for noun in nouns]
    return all(named) and len(set.union(*named)) == sum(map(len, named))


def _excluded(sampler: InstructionSampler) -> Noun:
    """Sample an excluded noun: a visible object, sometimes with its colour; a group; a colour."""
    if sampler.chance(0.2):
        return sampler.colored() or sampler.noun(sampler.visible_object().category)
    if sampler.chance(0.15):
        return sampler.group(sampler.pick(list(GROUP_NAMES)))
    if sampler.colors and sampler.chance(0.15):
        color = sampler.pick(sampler.colors)
        return sampler.object_noun(sampler.facts.where(has_color(color)), color)
    return sampler.noun(sampler.visible_object().category)


def _definite(sampler: InstructionSampler, noun: Noun) -> str:
    """Return "the mug" or "the mugs" by number of referents; either if there are none."""
    found = len(members(noun.named))
    plural = found > 1 or (found == 0 and sampler.chance(0.5))
    return f"the {noun.plural if plural else noun.singular}"
