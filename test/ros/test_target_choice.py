"""Which instance a robot is to handle."""

import numpy as np
import pytest

from instructsam_ros.lifting import LiftedInstance
from instructsam_ros.ros.target_choice import choose_target
from instructsam_ros.types import Instance, tight_box


def lifted(number, score, distance):
    mask = np.ones((2, 2), bool)
    none = np.zeros((0, 3))
    centroid = np.array([0.0, 0.0, distance])
    return LiftedInstance(
        Instance(mask, tight_box(mask), score, "mug"), number, none, none, centroid, None, 1.0, False, False,
        False
    )  # fmt: skip


MUGS = [lifted(3, 0.7, 0.5), lifted(5, 0.9, float("nan")), lifted(8, 0.9, 1.0)]


@pytest.mark.parametrize(
    ("choice", "wanted", "chosen"),
    [("best", 0, 5), ("nearest", 0, 3), ("best", 8, 8), ("nearest", 8, 8), ("best", 4, None)],
)
def test_the_target_is_the_one_asked_for(choice, wanted, chosen):
    found = choose_target(MUGS, choice, wanted)
    assert (None if found is None else found.id) == chosen


@pytest.mark.parametrize("choice", ["best", "nearest"])
def test_of_nothing_nothing_is_chosen(choice):
    assert choose_target([], choice) is None
