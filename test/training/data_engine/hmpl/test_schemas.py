"""Rules for descriptions."""

import pytest

from instructsam_ros.training.data_engine.hmpl.schemas import Choices, Description, complex_problem

GOOD = {
    "concept": "red mug",
    "simple": {"statement": "The red mug on the left.", "question": "Where is the red mug?"},
    "complex": {"statement": "Something to hold coffee.", "question": "What could hold coffee?"},
    "negatives": ["The blue mug.", "The mug on the right.", "Something to fry eggs.", "Something to cut."],
}


def description(**changes):
    return Description.model_validate(GOOD | changes)


def test_a_good_description_has_no_problem():
    assert description().problem("mug") == ""
    assert len(description().texts()) == 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"complex": {"statement": "A cup-like mug.", "question": "What?"}}, "names the target: mug"),
        ({"complex": {"statement": "Give me it.", "question": "Which coffee mugs?"}}, "names the target"),
        ({"simple": {"statement": "The red thing.", "question": "Where is the mug?"}}, "does not name"),
        ({"complex": {"statement": "For coffee.", "question": "What holds coffee"}}, "question mark"),
        ({"negatives": ["The red mug on the left.", "b!", "c!", "d!"]}, "the same"),
    ],
)
def test_broken_rules_are_named(changes, problem):
    assert problem in description(**changes).problem("mug")


def test_the_inspector_answers_every_item():
    assert Choices(answers=["A", "B"]).problem(2) == ""
    assert Choices(answers=["A"]).problem(2)
    assert complex_problem(["the mug"], ["mug"]).endswith("mug")
