import pytest

from instructsam_ros.training.data.sample import as_phrase


@pytest.mark.parametrize(
    ("instruction", "phrase"),
    [("The left cup.", "the left cup"), ("cup", "cup"), (" TV on a wall. ", "tV on a wall"), (".", ".")],
)
def test_an_instruction_as_a_phrase(instruction, phrase):
    assert as_phrase(instruction) == phrase
