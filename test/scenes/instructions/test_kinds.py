"""Every kind of instruction against answers worked out by hand."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import DISH_COLORS
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.scenes.instructions.templates import paraphrases
from test.scenes.scene_metadata import CLOSE, DEPTH, ROW, TABLE

SCENES: dict[str, dict[str, Any]] = {"row": ROW, "table": TABLE, "depth": DEPTH, "close": CLOSE}


@cache
def said_about(scene: str) -> tuple[Instruction, ...]:
    """Several thousand instructions."""
    rng = np.random.default_rng(0)
    return tuple(i for _ in range(2000) for i in instructions(SCENES[scene], rng, 12, split="heldout"))


PLAIN = rf"^(?!.*\b({'|'.join(DISH_COLORS)})\b)"
"""Texts without a colour, whatever follows."""

ALONE = r"^(?!.*and the).*"
"""Texts that leave out one thing, whatever follows."""

# scene, kind, pattern of the text, ids that answer it
ANSWERS: list[tuple[str, str, str, set[int]]] = [
    ("row", "concept", r"^(any )?red (coffee )?mug( in the picture)?$", {1}),
    ("row", "concept", r"^(all )?(coffee )?mugs", {1, 2, 3}),
    ("row", "concept", r"utensil", {4}),
    ("row", "concept", r"cutlery", {4}),
    ("row", "concept", r"(bananas?|forks?|lemons?|plates?)$", set()),
    ("row", "name", r"the (kitchen )?knife", {4}),
    ("row", "all", PLAIN + r".*(every|each|all).* (coffee )?mugs?\b", {1, 2, 3}),
    ("row", "everything", r"", {1, 2, 3, 4}),
    ("table", "everything", r"", {1, 2, 3, 4, 5, 6, 7}),
    ("row", "attr", r"\bblue (coffee )?mug", {2}),
    ("row", "attr", r"\b(red|blue|yellow) (kitchen )?kni", set()),
    ("row", "rel", r"(which|the|all) (coffee )?mugs .*left.* of the (black )?(kitchen )?knife", {1, 2, 3}),
    ("row", "rel", r"the red (coffee )?mug .*left.* of the (black )?(kitchen )?knife", {1}),
    ("row", "rel", r"(coffee )?mugs? .*right.* of the (black )?(kitchen )?knife", set()),
    ("row", "rel_count", r"three (coffee )?mugs .*left.* of the (black )?(kitchen )?knife", {1, 2, 3}),
    ("row", "rel_count", r"mugs .*right.* of the (black )?(kitchen )?knife", set()),
    ("row", "rel_all", r"\bright.* of the red (coffee )?mug", {2, 3, 4}),
    ("row", "rel_all", r"left.* of the yellow (coffee )?mug", {1, 2}),
    ("row", "except_color", r"mugs?\b.* red", {2, 3}),
    ("row", "except_one", ALONE + r"knife", {1, 2, 3}),
    ("row", "except_one", ALONE + r"cutlery", {1, 2, 3}),
    ("row", "except_one", ALONE + r"mugs", {4}),
    ("row", "except_one", ALONE + r"red ((coffee )?mug|object)", {2, 3, 4}),
    ("row", "except_one", r"red (coffee )?mug and the (black )?(kitchen )?knife", {2, 3}),
    ("row", "except_one", r"(bowls?|plates?|whisks?)\b", {1, 2, 3, 4}),
    ("close", "not_color", r"mug.* red", {3}),
    ("close", "not_rel", PLAIN + r".*mug .*right.* bowl", {2}),
    ("close", "beside", PLAIN + r".*mugs? .*bowl", {2, 3}),
    ("close", "beside", r"mugs? .*knife", set()),
    ("close", "beside_all", PLAIN + r".*bowl", {2, 3}),
    ("close", "beside_all", r"blue (coffee )?mug", {1}),
    ("table", "host_with", r"plates? .*apple", {1}),
    ("table", "host_with", r"plates? .*(lemon|spoon)", set()),
    ("row", "sup_size", r"\b(largest|biggest) (of the )?(coffee )?mug", {2}),
    ("row", "sup_side", PLAIN + r".*((leftmost|left).*mug|mug.*(leftmost|left))", {1}),
    ("row", "sup_side", r"(the|outermost|last) object\b.*right|rightmost object", {4}),
    ("row", "topk", r"two leftmost (of the )?(coffee )?mugs", {1, 2}),
    ("row", "topk", r"two rightmost (of the )?(coffee )?mugs", {2, 3}),
    ("row", "sup_side", PLAIN + r".*(right (coffee )?mug\b|mug on the right|which mug is on the right)", {3}),
    ("row", "topk_side", r"two (left (coffee )?mugs|(coffee )?mugs .*left)", {1, 2}),
    ("row", "topk_side", r"two (right (coffee )?mugs|(coffee )?mugs .*right)", {2, 3}),
    ("row", "topk_side", r"two .*(bowls|glasses|plates) .*(left|right)", set()),
    ("row", "ordinal", PLAIN + r".*(second.* mug|mug .*second).* left", {2}),
    ("row", "ordinal", PLAIN + r".*(third.* mug|mug .*third).* right", {1}),
    ("row", "near", r"(the|which) (coffee )?mug .*the (black )?(kitchen )?knife", {3}),
    ("row", "color_all", r"\bblue\b", {2}),
    ("row", "color_all", r"\bpurple\b", set()),
    ("row", "color_one", r"the blue (one|thing|object)", {2}),
    ("row", "color_one", r"\bpurple\b", set()),
    ("row", "count", r"three (coffee )?mugs", {1, 2, 3}),
    ("row", "union", r"^(?!.*(red|blue|yellow|black)).*mugs.*knife", {1, 2, 3, 4}),
    ("row", "union", r"red (coffee )?mug.*knife", {1, 4}),
    ("row", "aff", r"slice bread", {4}),
    ("row", "aff", r"pour juice|sip some|drink lemonade\.|taste the lemonade", {1, 2, 3}),
    ("row", "aff", r"pancake", set()),
    ("row", "aff_color", r"\bblue\b.*(pour juice|sip some)", {2}),
    ("row", "aff_not", r"(pour juice|sip some).*\bblue\b", {1, 3}),
    ("row", "aff_rel", r"left.* of the (black )?(kitchen )?knife.*(juice|water)", {1, 2, 3}),
    ("row", "aff_size", r"(largest|biggest).*(pour juice|sip some)", {2}),
    ("row", "between", r"mugs .*red (coffee )?mug .*the (black )?(kitchen )?knife", {2, 3}),
    ("row", "nonfood", r"", {1, 2, 3, 4}),
    ("table", "host", r"plate", {1}),
    ("table", "empty", r"plate", {2}),
    ("table", "host_on", r"apple.* plate", {3}),
    ("table", "material", r"metal", {4}),
    ("table", "material", r"glass", {5}),
    ("table", "same", r"the (red )?apple", {7}),
    ("table", "aff", r"sugar", {4}),
    ("depth", "sup_near", r"(the|which) bottle .*(closest|nearest)", {1}),
    ("depth", "sup_near", r"(the|which) bottle .*(farthest|furthest)", {3}),
    ("depth", "rel", r"(which|the|all) bottles .*in front of the (gray )?bowl", {1, 2}),
    ("depth", "rel", r"(the|which|a) bottle .*(behind|in back of) the (gray )?bowl", {3}),
    (
        "depth",
        "except_rel",
        r"(the|all|every|each|which|what) bottles? .*(behind|in back of) the (gray )?bowl",
        {1, 2},
    ),
    ("table", "food", r"", {3}),
]


@pytest.mark.parametrize(("scene", "kind", "pattern", "expected"), ANSWERS)
def test_answer_worked_out_by_hand(scene: str, kind: str, pattern: str, expected: set[int]) -> None:
    matching = [i for i in said_about(scene) if i.kind == kind and re.search(pattern, i.text, re.IGNORECASE)]
    assert matching, f"never said anything like {pattern!r}"
    wrong = {(i.text, i.targets) for i in matching if set(i.targets) != expected}
    assert not wrong


def test_every_kind_is_worked_out_by_hand() -> None:
    kinds = {construct.rsplit(".", 1)[0] for construct in paraphrases().constructs}
    assert kinds == {kind for _, kind, _, _ in ANSWERS}


@pytest.mark.parametrize(
    ("kind", "pattern", "named"),
    [
        ("except_one", ALONE + r"the (kitchen )?knife", {"the knife": (4,), "the kitchen knife": (4,)}),
        (
            "except_one",
            r"the red (coffee )?mug and the (kitchen )?knife",
            {
                "the red mug": (1,),
                "the red coffee mug": (1,),
                "the knife": (4,),
                "the kitchen knife": (4,),
            },
        ),
        ("except_one", r"bowl", {"the bowl": (), "the bowls": ()}),
        ("except_color", r"all the mugs except the red", {"mugs": (1, 2, 3), "the red one": (1,)}),
        ("union", r"the mugs and the knife", {"the mugs": (1, 2, 3), "the knife": (4,)}),
    ],
)
def test_every_noun_of_an_exception_or_a_union_is_a_mention(
    kind: str, pattern: str, named: dict[str, tuple[int, ...]]
) -> None:
    matching = [i for i in said_about("row") if i.kind == kind and re.search(pattern, i.text)]
    assert matching
    for sampled in matching:
        assert sampled.mentions
        assert {mention.text: mention.ids for mention in sampled.mentions}.items() <= named.items(), (
            sampled.text
        )


def test_contents_that_are_not_in_the_picture_are_named_all_the_same() -> None:
    sampled = [i for i in said_about("table") if i.kind == "host_with" and i.phrase == "plate"]
    missing = {i.has_absent_referent for i in sampled if re.search(r"\b(lemon|banana|carrot)\b", i.text)}
    assert missing == {True}
    assert {i.has_absent_referent for i in sampled if re.search(r"\b(apple|spoon)\b", i.text)} == {False}


def test_the_same_words_always_have_the_same_answer() -> None:
    for scene in SCENES:
        answers: dict[str, set[tuple[int, ...]]] = {}
        for sampled in said_about(scene):
            answers.setdefault(sampled.text.lower(), set()).add(sampled.targets)
        assert not [text for text, found in answers.items() if len(found) > 1]


@pytest.mark.parametrize("scene", SCENES)
def test_phrase_names_the_targets_and_follows_from_the_words(scene: str) -> None:
    by_text: dict[str, set[str]] = {}
    for sampled in said_about(scene):
        assert set(sampled.targets) <= set(sampled.phrase_ids)
        by_text.setdefault(sampled.text.lower(), set()).add(sampled.phrase)
    assert all(len(phrases) == 1 for phrases in by_text.values())


def test_phrase_is_the_same_whether_it_names_anything_or_not() -> None:
    present = {i.phrase for i in said_about("row") if re.search(r"^(coffee )?mugs?\b", i.text, re.IGNORECASE)}
    absent = {
        i.phrase for i in said_about("depth") if re.search(r"^(coffee )?mugs?\b", i.text, re.IGNORECASE)
    }
    assert present == absent == {"mug"}
