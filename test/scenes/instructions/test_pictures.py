"""Instructions about photographs: every answer follows from the labels."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.scenes.assets.catalogue import MIXED
from instructsam_ros.scenes.assets.nouns import covered_nouns, everyday_nouns, noun_of
from instructsam_ros.scenes.instructions import Instruction, flip
from instructsam_ros.scenes.instructions.color_names import ANY_COLOR
from instructsam_ros.scenes.instructions.pictures import PictureFacts, PictureObject, picture_instructions

CLASSES = ("cup", "wine glass", "bowl", "fork", "knife", "spoon", "person", "apple", "orange", "clock")
COVERED = covered_nouns(CLASSES)


def item(number: int, noun: str, left: float, *, width: float = 0.1, area: float = 0.01, color: str = MIXED,
         seen: int | None = 1) -> PictureObject:  # fmt: skip
    perhaps = everyday_nouns()[noun].confusable - frozenset(CLASSES)
    colors = ANY_COLOR if color == MIXED else frozenset({color})
    box = (left, 0.4, left + width, 0.6)
    return PictureObject(number, noun, perhaps, box, area, color, colors, seen, 1.0, is_cut=False)


def facts(*objects: PictureObject, covered: frozenset[str] = COVERED) -> PictureFacts:
    return PictureFacts(objects, covered, {}, 0.75)


def draw(known: PictureFacts, count: int = 150) -> list[Instruction]:
    return picture_instructions(known, np.random.default_rng(0), count)


CUPS = (
    item(1, "cup", 0.1, color="red"),
    item(2, "cup", 0.4, color="blue", area=0.04),
    item(3, "cup", 0.8, color="red"),
    item(4, "bowl", 0.6, color="white"),
)


def test_places_colours_sizes_and_counts_are_those_of_the_labels() -> None:
    drawn = draw(facts(*CUPS), 400)
    answers = {
        (i.kind, word): set(i.targets)
        for i in drawn
        for word in ("left", "right", "middle", "red", "blue", "largest", "three")
        if i.targets and i.phrase.endswith("cup") and re.search(rf"\b{word}(most)?\b", i.text)
    }
    assert answers["attr", "red"] == {1, 3}
    assert answers["attr", "blue"] == {2}
    assert answers["sup_side", "left"] == {1}
    assert answers["middle", "middle"] == {2}
    assert answers["sup_size", "largest"] == {2}
    assert answers["count", "three"] == {1, 2, 3}
    right_of_bowl = [
        i for i in drawn if re.search(r"cups? .*right .*the (white )?bowl", i.text) and i.kind == "rel"
    ]
    assert right_of_bowl
    assert all(i.targets == (3,) for i in right_of_bowl)


def test_kinds_that_need_all_objects_or_depth_are_never_used() -> None:
    kinds = {i.kind for i in draw(facts(*CUPS), 400)}
    assert not kinds & {"everything", "rel_all", "color_all", "same", "near", "host", "food", "beside"}
    assert {"concept", "name", "all", "attr", "rel", "aff"} <= kinds


def test_a_mug_is_neither_there_nor_absent_where_cups_are_labelled() -> None:
    assert not [i.text for i in draw(facts(*CUPS), 400) if "mug" in i.text.lower()]
    without = [i for i in draw(facts(item(1, "fork", 0.1)), 400) if re.search(r"\bmugs?\b", i.text)]
    assert without
    assert all(not i.targets for i in without)


def test_nouns_without_complete_labels_are_never_named() -> None:
    known = facts(*CUPS, covered=COVERED - covered_nouns(["cup"]))
    drawn = draw(known, 300)
    assert drawn
    assert not [i.text for i in drawn if re.search(r"\b(cup|mug)s?\b", i.text) and i.targets]
    assert not [i.text for i in drawn if i.kind.startswith("aff") and "drink" in i.phrase]


def test_what_is_hardly_visible_leaves_its_noun_open() -> None:
    drawn = draw(facts(*CUPS, item(5, "cup", 0.9, width=0.02, area=0.0002, seen=None)), 300)
    assert drawn
    open_kinds = {"concept", "name", "all", "attr", "count", "sup_side", "sup_size", "middle"}
    assert not [i.text for i in drawn if i.phrase.endswith("cup") and i.kind in open_kinds]


def test_people_and_bare_metal_have_no_colour() -> None:
    known = facts(item(1, "person", 0.1, color="red"), item(2, "fork", 0.5, color="gray"))
    drawn = draw(known, 300)
    assert drawn
    assert not [i.text for i in drawn if re.search(r"(red|gray) (person|people|human|fork)", i.text)]


def test_the_phrase_names_the_noun_and_mentions_their_objects() -> None:
    for i in draw(facts(*CUPS), 200):
        for mention in i.mentions:
            words = mention.text.removeprefix("the ")
            assert mention.text.lower() in i.text.lower()
            if noun_of(words) == "cup":
                assert mention.ids == (1, 2, 3)
        if i.targets and "," not in i.phrase:
            assert set(i.targets) <= set(i.phrase_ids)


def test_without_a_clear_object_there_is_no_instruction() -> None:
    assert draw(facts(item(1, "cup", 0.1, seen=None))) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 0.9), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_a_mirrored_picture_has_the_mirrored_answers(lefts: list[float], seed: int) -> None:
    objects = [item(number, "cup", left) for number, left in enumerate(lefts, 1)]
    swapped = [item(number, "cup", 0.9 - left) for number, left in enumerate(lefts, 1)]
    answers = [
        {
            i.text: i.targets
            for i in picture_instructions(facts(*each), np.random.default_rng(seed), 40)
            if i.kind in ("sup_side", "rel", "middle")
        }
        for each in (objects, swapped)
    ]
    for text, targets in answers[0].items():
        assert answers[1].get(flip(text), targets) == targets


@pytest.mark.parametrize("word", ["a", "every", "two"])
def test_uncounted_names_are_not_counted(word: str) -> None:
    known = facts(*(item(n, "sheep", 0.3 * n) for n in range(3)), covered=covered_nouns(["sheep"]))
    texts = [i.text.lower() for i in draw(known, 200)]
    assert texts
    assert not [text for text in texts if re.search(rf"\b{word} sheep", text)]
