import numpy as np
import pytest

from instructsam_ros.training.data.sample import Phrase, Sample, as_phrase, cardinality


@pytest.mark.parametrize(
    ("instruction", "phrase"),
    [("The left cup.", "the left cup"), ("cup", "cup"), (" TV on a wall. ", "tV on a wall"), (".", ".")],
)
def test_an_instruction_as_a_phrase(instruction, phrase):
    assert as_phrase(instruction) == phrase


def test_instances_of_all_phrases_are_the_masks():
    cups, forks = np.ones((2, 3, 4), bool), np.zeros((1, 3, 4), bool)
    phrases = tuple(Phrase(text, lambda m=masks: m) for text, masks in (("cups", cups), ("fork", forks)))
    sample = Sample("a.jpg", lambda: np.zeros((3, 4, 3), np.uint8), "cups and a fork", phrases)
    assert np.array_equal(sample.masks(), np.concatenate([cups, forks]))


def test_the_label_of_a_number_of_targets():
    assert [cardinality(targets) for targets in range(4)] == ["none", "one", "many", "many"]
