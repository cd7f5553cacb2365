"""What no scene holds: asked for now and then, and never there."""

from __future__ import annotations

import re

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions import Instruction, instructions, training_texts
from instructsam_ros.scenes.instructions.absent_objects import (
    STRANGE_PURPOSES,
    STRANGE_SITUATIONS,
    STRANGERS,
    is_strange,
)
from instructsam_ros.scenes.instructions.noun_phrases import NOWHERE
from instructsam_ros.scenes.instructions.scene_facts import Picture
from instructsam_ros.scenes.instructions.spatial_relations import nearest, select_related
from test.scenes.metas import ROW

NAMES = [name for names in STRANGERS.values() for name in names]


@pytest.fixture(scope="module")
def said() -> list[Instruction]:
    rng = np.random.default_rng(1)
    return [i for _ in range(400) for i in instructions(ROW, rng, 12) if is_strange(i.text)]


def test_every_name_is_of_words_that_training_otherwise_never_says() -> None:
    known = set(re.findall(r"[a-z]+", " ".join(training_texts()).lower()))
    assert not known & set(re.findall(r"[a-z]+", " ".join(NAMES)))
    assert not set(STRANGERS) & set(CATALOGUE)
    for text in (*STRANGE_PURPOSES, *STRANGE_SITUATIONS):
        assert set(re.findall(r"[a-z]+", text.lower())) - known, text


def test_a_text_is_strange_by_its_words() -> None:
    assert is_strange("Where is the red DRILL?")
    assert is_strange("the screw is loose, so find what helps")
    assert not is_strange("the hatched mug")


def test_they_are_asked_for_in_many_ways_and_answered_with_nothing(said: list[Instruction]) -> None:
    assert {"concept", "name", "attr", "all", "count", "rel", "near", "aff", "aff_rel"} <= {
        i.kind for i in said
    }
    exceptions = [i for i in said if i.kind == "except_one"]  # "everything except the drill" is everything
    assert exceptions
    assert all(i.targets == (1, 2, 3, 4) for i in exceptions)
    others = [i for i in said if i.kind != "except_one"]
    assert [i.text for i in others if i.targets] == []
    assert {i.cardinality for i in others} == {"none"}


def test_a_strange_place_leaves_the_phrase_what_it_was(said: list[Instruction]) -> None:
    """ "The mug left of the drill" is still about mugs."""
    mugs = [i for i in said if i.phrase == "mug"]
    assert mugs
    assert all(i.phrase_ids == (1, 2, 3) for i in mugs)


def test_nothing_is_found_beside_a_known_thing_that_is_not_there() -> None:
    """ "The mug left of the bowl", and no bowl. Of a cup one could argue: some call the mugs so."""
    rng = np.random.default_rng(2)
    told = [i for _ in range(1000) for i in instructions(ROW, rng, 12)]
    place = r"(of|behind|to|on|as|with|between|and) the (banana|orange|pear|lemon|pan|fork|tray|purple mug)\b"
    missing = [i for i in told if re.search(place, i.text) and i.kind != "union"]
    beside = {"rel", "rel_count", "rel_all", "near", "beside", "beside_all", "same", "between"}
    assert {i.kind for i in missing} >= beside | {"aff_rel", "host_on"}
    assert not [i.text for i in missing if i.targets]
    # Nothing but the missing place makes the answer empty: what is looked for is in the picture.
    assert not [i.text for i in missing if i.kind in beside and not i.phrase_ids]
    assert not [i.text for i in told if re.search(r"(of|behind|to) the (drinking )?cup\b", i.text)]
    # And it is told that the name of the place stands for nothing.
    nameless = [m for i in missing for m in i.mentions if re.search(place, f"of {m.text}")]
    assert len(nameless) > len(missing) / 2
    assert all(m.ids == () for m in nameless)


def test_nothing_relates_to_what_is_nowhere() -> None:
    picture = Picture(ROW)
    nothing = dict.fromkeys(picture.things, 0)
    assert select_related(picture, picture.everything(), "left", NOWHERE) == nothing
    assert select_related(picture, picture.everything(), "beside", NOWHERE) == nothing
    assert nearest(picture, picture.everything(), NOWHERE) == nothing
