"""The form of HMPL-Instruct: written, and read again."""

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.registry import parse_data_set
from test.training.data.writers.memory_set import H, MemorySet, W, image_file, random_masks, sample

NONE = np.zeros((0, H, W), bool)


def converted(samples, folder):
    values, broken = convert([MemorySet(samples)], folder / "out", "hmpl")
    assert not broken.problems
    return list(parse_data_set(values, "test").read(BrokenRecords()))


def test_instructions_of_one_meaning_are_a_record(tmp_path):
    image, masks = image_file(tmp_path), random_masks((H, W))
    texts = {"all cups": ("concept", "12"), "the two cups": ("simple", "12"), "the left cup": ("simple", "1")}
    before = [
        sample(image, masks[: len(meaning)], text, labels={"level": level}, meaning=meaning)
        for text, (level, meaning) in texts.items()
    ]
    after = {each.instruction: each for each in converted(before, tmp_path)}
    assert {text: each.labels["level"] for text, each in after.items()} == {
        text: level for text, (level, _) in texts.items()
    }
    assert after["all cups"].meaning == after["the two cups"].meaning != after["the left cup"].meaning
    assert after["the left cup"].phrases[0].text == "cup"
    for each in before:
        assert np.array_equal(after[each.instruction].masks(), each.masks())


def test_instructions_without_a_target_are_records_of_their_own(tmp_path):
    image = image_file(tmp_path)
    texts = ("the spoon", "the fork")
    found = sample(image, random_masks((H, W)), labels={"level": "simple"}, meaning="1 2")
    absent = [sample(image, NONE, text, labels={"level": "simple"}) for text in texts]
    after = {each.instruction: each for each in converted([found, *absent], tmp_path)}
    assert len({each.meaning for each in after.values()}) == 3
    assert all(after[text].masks().shape == (0, H, W) for text in texts)


@pytest.mark.parametrize("changes", [{"labels": {}}, {"labels": {"level": "simple"}, "boxes_only": True}])
def test_what_the_form_cannot_hold_is_refused(tmp_path, changes):
    with pytest.raises(InvalidInputError, match="masks and the levels"):
        converted([sample(image_file(tmp_path), random_masks((H, W)), **changes)], tmp_path)
