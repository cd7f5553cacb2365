"""Recognition of instructions that name several kinds of things, in the grammar of templates.yaml."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from instructsam_ros.scenes.assets.catalogue import DISH_COLORS
from instructsam_ros.scenes.assets.nouns import noun_of
from instructsam_ros.scenes.instructions.kinds_attributes import NUMBERS, SUBSTANCES
from instructsam_ros.scenes.instructions.templates import paraphrases

_NOUN_FAMILIES = ("one", "many", "every")
_ARTICLES = ("the", "a", "an", "my", "your", "our", "this", "these", "that", "those")
_QUANTIFIERS = ("all", "all the", "every", "each", "any", "some")
_CONTAINERS = (
    "bags? bottles? bowls? box(?:es)? cans? cartons? cups? glass(?:es)? jars? packs? pieces? tins? tubes?"
)
_NO_HEADS = frozenset(
    re.findall(
        r"\w+",
        "all any big biggest bigger both bottom dark empty every first full last large larger largest left "
        "light little long longer longest middle one ones open other others right rest second short shorter "
        "shortest small smaller smallest tall taller tallest things third tiny top upper lower front back "
        "near far same",
    )
)
"""Words that describe a thing and do not name one: "the red and the blue mug" are no two kinds."""
_DIVIDERS = re.compile(
    r"\s*,?\s+(?:and also|and at the same time|and likewise|and|as well as|together with|along with"
    r"|in addition to|plus)\s+|\s*,\s*"
)
_MAX_WORDS = 4
_MAX_PARTS = 8


def bare_phrase(part: str) -> str:
    """Return a noun phrase without its determiner, in lower case: "The two mugs" is "mugs"."""
    return " ".join(_without_determiner(part.lower().split()))


@lru_cache(256)
def coordinated_parts(instruction: str) -> tuple[str, ...]:
    """Split a plain coordination into its noun phrases: "pick up the mugs and a red bowl" gives "the mugs"
    and "a red bowl"; return nothing for any other instruction.

    Only what can be read in no other way is split: every part is a short noun phrase with its own determiner,
    or all are bare nouns of ``data/nouns.yaml``, and around them are only the words of the sentence
    templates. A property or place that may belong to all parts, an exception or a relation keeps the
    sentence whole.
    """
    text = " ".join(instruction.split()).rstrip(" .!?")
    if not _DIVIDERS.search(text):  # before the tables are read, which takes half a second
        return ()
    for sentence in _sentences(text):
        found = _parts(sentence)
        if found:
            return found
    return ()


def _sentences(text: str) -> list[str]:
    """Return what may be the noun phrase of an instruction: without fillers, within any sentence template."""
    before, after = _fillers()
    text = after.sub("", before.sub("", text)).rstrip(" .!?")
    frames = (frame.fullmatch(text) for frame in _frames())
    return sorted({match["x"] for match in frames if match}, key=len)


def _parts(text: str) -> tuple[str, ...]:
    text = re.sub(r"^both (?=.* and )|(?:,? (?:both|too))$", "", text, flags=re.IGNORECASE)
    parts = [part.strip() for part in _DIVIDERS.split(text)]
    if not 2 <= len(parts) <= _MAX_PARTS or not all(parts):
        return ()
    words = [part.lower().split() for part in parts]
    determined = [_without_determiner(part) for part in words]
    own = [len(rest) < len(part) for rest, part in zip(determined, words, strict=True)]
    if all(own):
        named = all(map(_names_a_thing, determined))
    else:
        # "the red mug and bowl": is the bowl red? Only bare nouns leave no question.
        named = not any(own[1:]) and all(noun_of(" ".join(rest)) for rest in determined)
        named &= not any(rest[-1] in DISH_COLORS for rest in determined)
    return tuple(parts) if named else ()


def _without_determiner(words: list[str]) -> list[str]:
    text = " ".join(words)
    match = _determiner().match(text)
    return text[match.end() :].split() if match else words


def _names_a_thing(words: list[str]) -> bool:
    """Return whether words without determiner are adjectives and a noun, with no relation among them."""
    if not 0 < len(words) <= _MAX_WORDS or not all(re.fullmatch(r"[a-z]+(-[a-z]+)*", w) for w in words):
        return False
    phrase = " ".join(words)
    if noun_of(phrase):
        return words[-1] not in DISH_COLORS  # "orange" is a fruit, too
    phrase = re.sub(rf"\b({_CONTAINERS.replace(' ', '|')}) of (?=\w)", "", phrase)
    head = phrase.split()[-1] if phrase else ""
    return not (
        head in _NO_HEADS
        or head in DISH_COLORS
        or head in SUBSTANCES
        or head.endswith("most")
        or _relation_words() & set(phrase.split())
    )


@cache
def _determiner() -> re.Pattern[str]:
    numbers = "|".join((*NUMBERS.values(), "five", "six"))
    plain = "|".join((*_ARTICLES, *sorted(_QUANTIFIERS, key=len, reverse=True)))
    return re.compile(rf"(?:(?:{plain})(?: (?:{numbers}))?|{numbers}) ")


@cache
def _relation_words() -> frozenset[str]:
    """Words that relate a thing to another or take something away."""
    relations = " ".join(text for texts in paraphrases().relations.values() for text in texts).split()
    others = (
        "above across against among apart around at below beneath beside besides between but by close closer "
        "closest containing except excluding far farthest for from furthest has have having holding inside "
        "into is are lying made near nearer nearest next no nor not of off on only onto or out over past "
        "sitting standing than that to toward under underneath unless what where which who whose with within "
        "without"
    )
    return frozenset({*relations, *others.split()} - {"the"})


@cache
def _fillers() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of the words before and after a sentence that do not change its meaning."""
    before, after = (
        "|".join(re.escape(text) for text in sorted(set(paraphrases().fillers[side]), key=len, reverse=True))
        for side in ("before", "after")
    )
    return re.compile(rf"(?:{before})+", re.IGNORECASE), re.compile(rf"(?:{after})+$", re.IGNORECASE)


@cache
def _frames() -> tuple[re.Pattern[str], ...]:
    """Patterns of the sentence templates, with the noun phrase as group "x"."""
    known = paraphrases()
    verbs = "|".join(re.escape(verb) for verb in sorted(known.verbs, key=len, reverse=True))
    texts = {t.text.rstrip("?") for name in _NOUN_FAMILIES for t in known.sentence_templates[name]}
    patterns = (
        re.escape(text).replace(r"\{x\}", "(?P<x>.+)").replace(r"\{verb\}", f"(?:{verbs})")
        for text in sorted(texts)
    )
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
