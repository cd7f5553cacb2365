import numpy as np
import pytest

from instructsam_ros.training.data.hand_instructions import (
    HELD,
    PARTICIPLES,
    Action,
    Hand,
    action_instructions,
    hand_instructions,
)
from instructsam_ros.training.data.noun_instructions import Entity

MUG, PLATE, LEFT, RIGHT = range(4)
ENTITIES = [
    Entity(noun, lambda: np.zeros((1, 2, 2), bool)) for noun in ("mug", "plate", "left hand", "right hand")
]


def written(*hands, held=(MUG, PLATE), untouched=None, runs=40):
    """All wordings: {text: (targets, phrase, level, cardinality, kind)}."""
    return {
        item.text: (item.targets, item.phrase, item.level, item.cardinality, item.kind)
        for run in range(runs)
        for item in hand_instructions(
            ENTITIES, hands, frozenset(held), untouched or {}, np.random.default_rng(run)
        )
    }


def test_what_a_hand_touches():
    found = written(Hand("left", LEFT, is_certain=True, touches=MUG))
    assert set(found.values()) == {((MUG,), "mug", "complex", "one", "contact")}
    assert {"the object in the left hand", "what my left hand holds"} <= found.keys()
    assert not any("right" in text for text in found)


def test_what_is_touched_but_not_of_a_kind_to_be_held_is_not_in_the_hand():
    found = written(Hand("left", LEFT, is_certain=True, touches=MUG), held=())
    assert found
    assert not any("in the" in text or "hold" in text for text in found)


def test_a_hand_that_touches_nothing_is_a_negative():
    found = written(Hand("right", RIGHT, is_certain=True))
    assert set(found.values()) == {((), "object", "complex", "none", "contact")}
    assert any(text == HELD[0].format(whose="the", side="right") for text in found)


def test_uncertain_contact_gives_the_hands_only():
    found = written(Hand("left", LEFT, is_certain=True, touches=MUG), Hand("right", RIGHT, is_certain=False))
    assert not any("right" in text or "everything" in text or "all objects" in text for text in found)
    assert found["my hands"] == ((LEFT, RIGHT), "hand", "simple", "all", "hands")


def test_one_hand_alone_tells_nothing_about_all_that_is_touched():
    found = written(Hand("left", LEFT, is_certain=True, touches=MUG), untouched={"plate": PLATE})
    assert all(kind == "contact" and "left hand" in text for text, (*_, kind) in found.items())


@pytest.mark.parametrize(
    ("left", "right", "targets", "phrase", "cardinality"),
    [
        (MUG, PLATE, (MUG, PLATE), "object", "all"),
        (MUG, MUG, (MUG,), "mug", "one"),
        (None, PLATE, (PLATE,), "plate", "one"),
        (None, None, (), "object", "none"),
    ],
)
def test_everything_that_is_touched(left, right, targets, phrase, cardinality):
    found = written(Hand("left", LEFT, True, left), Hand("right", RIGHT, True, right))
    assert found["everything that is being touched"] == (targets, phrase, "complex", cardinality, "contact")


def test_hidden_hands_are_not_segmented():
    found = written(Hand("left", None, True, MUG), Hand("right", RIGHT, True, MUG))
    assert not any(kind == "hands" for *_, kind in found.values())


def test_what_neither_hand_touches():
    hands = Hand("left", LEFT, True, MUG), Hand("right", RIGHT, True)
    found = written(*hands, untouched={"plate": PLATE, "mug": None})
    assert found["the plate that neither hand touches"] == ((PLATE,), "plate", "simple", "one", "contact")
    assert found["the mug that neither hand touches"] == ((), "mug", "simple", "none", "contact")


def acted(*actions, entities=ENTITIES):
    return {
        item.text: (item.targets, item.level)
        for run in range(40)
        for item in action_instructions(entities, actions, np.random.default_rng(run))
    }


def test_what_is_being_done():
    found = acted(Action("wash", "plate"), Action("wash", "plate"), Action("cut", "mug"))
    assert found["what is being washed"] == ((PLATE,), "complex")
    assert found["the plate that is being washed"] == ((PLATE,), "simple")
    assert found["what is being cut"] == ((MUG,), "complex")


@pytest.mark.parametrize(
    "actions",
    [
        [Action("find", "mug")],  # no picture shows it
        [Action("wash", "fork")],  # not labelled
        [Action("wash", "mug"), Action("wash", "fork")],  # two things are washed
    ],
)
def test_actions_that_single_nothing_out_give_nothing(actions):
    assert acted(*actions) == {}


def test_an_action_on_one_of_two_mugs_gives_nothing():
    assert acted(Action("wash", "mug"), entities=[ENTITIES[MUG]] * 2) == {}


def test_participles_are_words():
    assert all(verb.isalpha() and done.isalpha() for verb, done in PARTICIPLES.items())
