"""What is left out, and why."""

import numpy as np
import pytest

from instructsam_ros.training.data_engine.inst2seg.filters import (
    FilterSettings,
    count_problem,
    mask_problem,
    repeated_masks,
    repeated_questions,
)
from instructsam_ros.training.data_engine.inst2seg.schemas import Question

MASK = np.zeros((40, 60), bool)
MASK[10:20, 10:30] = True


@pytest.mark.parametrize(
    ("mask", "box", "problem"),
    [
        (MASK, [10, 10, 30, 20], ""),
        (MASK, [8, 9, 33, 22], ""),
        (MASK, [30, 10, 50, 20], "box and mask disagree"),
        (np.zeros_like(MASK), [10, 10, 30, 20], "no mask"),
        (MASK & (np.arange(60) < 12), [10, 10, 12, 20], "tiny mask"),
    ],
)
def test_masks_fit_their_boxes(mask, box, problem):
    assert mask_problem(mask, np.array(box, float), FilterSettings()) == problem


def test_an_object_outlined_twice_is_found():
    other = np.roll(MASK, 25, 1)
    assert repeated_masks(np.stack([MASK, other, np.roll(MASK, 1, 1)]), FilterSettings()) == [2]


def question(text="the mugs", ground="exactly 2"):
    return Question(level="simple", question=text, answer="mug", ground=ground)


@pytest.mark.parametrize(
    ("ground", "count", "problem"),
    [
        ("exactly 2", 2, ""),
        ("exactly 2", 3, "count disagrees with ground"),
        ("none", 0, ""),
        ("none", 1, "negative with a target"),
        ("all", 0, "count disagrees with ground"),
        ("all", 11, "too many instances"),
    ],
)
def test_counts_are_compared_with_the_ground(ground, count, problem):
    assert count_problem(question(ground=ground), count) == problem


def test_the_same_words_are_one_question():
    questions = [question("The mugs?"), question("the bowl"), question("the  mugs")]
    assert repeated_questions(questions) == [2]
