"""Instructions that are split into kinds, and those that have to stay whole."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.instructions.coordination import bare_phrase, coordinated_parts


@pytest.mark.parametrize(
    ("instruction", "parts"),
    [
        ("the mugs and the bowl", ("the mugs", "the bowl")),
        ("Pick up the mug, a bowl, and two spoons.", ("the mug", "a bowl", "two spoons")),
        ("could you collect both the dish plates and the tomato?", ("the dish plates", "the tomato")),
        ("robot, I need the tea box together with the wine glass, please", ("the tea box", "the wine glass")),
        ("the can of soup and the bowl", ("the can of soup", "the bowl")),
        ("the drill and the screwdriver", ("the drill", "the screwdriver")),
        ("apples, oranges and bananas", ("apples", "oranges", "bananas")),
        ("the knife and fork", ("the knife", "fork")),
    ],
)
def test_plain_coordinations_are_split(instruction, parts):
    assert coordinated_parts(instruction) == parts


@pytest.mark.parametrize(
    "instruction",
    [
        "the mug",
        "the mug between the bowl and the plate",
        "everything except the mug and the bowl",
        "the mug to the left of the bowl and the plate",
        "the mug that is right of the bowl and left of the plate",
        "the red and blue mug",
        "the red and the blue mug",
        "the left and the right mug",
        "the orange and the blue mug",
        "the red mug and bowl",
        "the mug and the plate on the table",
        "put the mug and the bowl on the table",
        "pick up the mug and put it into the bowl",
        "the mug and the bowl without a spoon",
        "the mug, the red one",
        "the carrots, but only the two rightmost ones",
        "something to pour juice into and drink it",
        "the mug and",
        "and",
        "," * 50,
    ],
)
def test_what_can_be_read_otherwise_stays_whole(instruction):
    assert coordinated_parts(instruction) == ()


def test_of_the_test_set_the_unions_are_split_and_nothing_else():
    views = json.loads((DATA / "testset" / "annotations.json").read_text())
    items = [item for view in views for item in view["annotation"]]
    split = [item for item in items if coordinated_parts(item["text"])]
    assert len(split) == 28
    assert {item["kind"] for item in split} == {"union"}
    assert sum(item["kind"] == "union" for item in items) == 28


KINDS = st.sampled_from(
    ["the mugs", "the bowl", "the red cups", "and", ",", "and the knife", "not", "left of"]
)


@given(st.lists(KINDS, max_size=6).map(" ".join) | st.text(max_size=60))
@example("the mugs and the bowl")
def test_any_text_is_read_without_an_error(text):
    parts = coordinated_parts(text)
    assert len(parts) != 1
    assert all(part in " ".join(text.split()) for part in parts)


@pytest.mark.parametrize(
    ("part", "phrase"),
    [("The two mugs", "mugs"), ("a red bowl", "red bowl"), ("all the forks", "forks"), ("cups", "cups")],
)
def test_a_phrase_has_no_determiner(part, phrase):
    assert bare_phrase(part) == phrase
