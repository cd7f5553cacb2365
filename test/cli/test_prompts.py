import argparse

import numpy as np
import pytest

from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.cli.prompts import add_prompt_arguments, read_request
from instructsam_ros.errors import InvalidInputError

RGB = np.full((40, 60, 3), 160, np.uint8)
RGB[5:25, 5:25] = RGB[5:20, 40:55] = (220, 20, 20)


def parsed(*words):
    parser = argparse.ArgumentParser()
    parser.add_argument("instruction", nargs="?")
    add_prompt_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "boxes"),
    [
        (["--point", "10,10"], [[5, 5, 25, 25]]),
        (["--point", "50,10", "--not-point", "10,10"], [[40, 5, 55, 20]]),
        (["--point", "10,10", "--not-point", "11,11"], []),
        (["--box", "38,4,56,22"], [[40, 5, 55, 20]]),
        (["--everything"], [[5, 5, 25, 25], [40, 5, 55, 20]]),
    ],
)
def test_requests_are_answered(words, boxes):
    segmenter = FakeSegmenter()
    result = read_request(parsed(*words)).ask(segmenter, segmenter.encode(RGB))
    assert [instance.box.tolist() for instance in result.instances] == boxes


def test_an_instruction_is_no_request():
    assert read_request(parsed("the red thing")) is None


@pytest.mark.parametrize(
    "words",
    [[], ["the mug", "--point", "1,1"], ["the mug", "--everything"], ["--everything", "--box", "1,1,2,2"]],
)
def test_one_kind_of_request_is_wanted(words):
    with pytest.raises(InvalidInputError, match="one of them"):
        read_request(parsed(*words))


@pytest.mark.parametrize("word", ["1", "1,2,3", "a,b", ""])
def test_odd_points_print_the_usage(word):
    with pytest.raises(SystemExit):
        parsed("--point", word)
