"""Surface realization of logical forms as sentences."""

from __future__ import annotations

import re
from typing import NamedTuple

from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
from instructsam_ros.scenes.instructions.templates import Form, Template, paraphrases, usable

_NOUN_FAMILIES = ("one", "many", "every")
_CLAUSES = ("I", "you", "your", "we", "it", "what", "next", "anything", "whatever", "the", "of")
_BEFORE_VERBS = ("please ", "just ", "kindly ")
_SENTENCE_FAMILIES = ("say", "ask", "ask_one", "ask_many", "phrase_one", "phrase_many")


class Sentence(NamedTuple):
    """text as a user might type it; template: "construct|sentence template" or "construct"."""

    text: str
    form: Form
    template: str


def realize(sampler: InstructionSampler, logical_form: LogicalForm, targets: int) -> Sentence | None:
    """Realize a logical form as a sentence that suits the number of targets; None if no template does."""
    families = [
        family
        for family in (*_NOUN_FAMILIES, *_SENTENCE_FAMILIES)
        if _suits(family, logical_form, targets)
        and usable("constructs", f"{logical_form.construct}.{family}", sampler.split)
    ]
    if not families:
        return None
    family = sampler.random.choices(families, [1 if name.startswith("ask") else 2 for name in families])[0]
    construct = sampler.pick(usable("constructs", f"{logical_form.construct}.{family}", sampler.split))
    text = construct.text.format_map(logical_form.slots)
    if family in _NOUN_FAMILIES:
        sentence_template = sampler.pick(usable("sentence_templates", family, sampler.split))
        sentence = sentence_template.text.format(x=text, verb=sampler.pick(paraphrases().verbs))
        filled = _with_politeness(sampler, sentence_template, sentence)
        return Sentence(
            _spelled(sampler, filled, sentence_template.form),
            sentence_template.form,
            f"{construct.id}|{sentence_template.id}",
        )
    form: Form = "phrase" if family.startswith("phrase") else construct.form
    filled = text if form == "phrase" else _with_politeness(sampler, construct, text)
    return Sentence(_spelled(sampler, filled, form), form, construct.id)


def _suits(family: str, logical_form: LogicalForm, targets: int) -> bool:
    """Return whether a family agrees in number: singular for one target, plural for several, any for none."""
    if family.endswith("one"):
        return targets <= 1
    if logical_form.unique:
        return family in ("say", "ask")
    if family.endswith("_many"):
        return targets != 1
    if family in ("many", "every"):
        has_singular = bool(usable("constructs", f"{logical_form.construct}.one", "heldout"))
        return targets != 1 or not has_singular
    return True


def _with_politeness(sampler: InstructionSampler, template: Template, text: str) -> str:
    """Sometimes add "please", "robot, " or ", thanks"."""
    if template.form == "question":
        return text[:-1] + ", please?" if sampler.chance(0.1) else text
    if template.form == "phrase" or template.text.startswith("{situation}") or not sampler.chance(0.3):
        return text
    fillers = paraphrases().fillers
    if sampler.chance(0.6):
        before = sampler.pick(fillers["before"])
        clumsy = before in _BEFORE_VERBS and template.text.split()[0] in _CLAUSES
        return text if clumsy else before + text
    after = sampler.pick(fillers["after"])
    clumsy = after == " for me" and re.search(r"\bme\b", text) is not None
    return text if clumsy else text.rstrip(".") + after


def _spelled(sampler: InstructionSampler, text: str, form: Form) -> str:
    """Set articles, capitals and full stops, the latter two at random as in typed input."""
    text = re.sub(r"\b([Aa]) (?=[aeio]|umb)", r"\1n ", text)
    text = re.sub(r"\ball two\b", "both", text)
    if form == "phrase":
        return text if sampler.chance(0.7) else text[0].upper() + text[1:]
    if sampler.chance(0.75):
        text = text[0].upper() + text[1:]
    if form == "declarative" and text[-1] not in ".!" and sampler.chance(0.6):
        text += "."
    return text
