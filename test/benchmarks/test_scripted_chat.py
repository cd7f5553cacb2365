"""The agent with the scripted chat model answers as the segmenter below it."""

import numpy as np
import pytest

from benchmarks.scripted_chat import TakesAll
from instructsam_ros.backends.agent import AgentSegmenter
from instructsam_ros.models.vlm.budget import Budget
from instructsam_ros.models.vlm.chat import Message
from instructsam_ros.segmenter import load

QUOTED = 'the "red" thing. The one that isn\'t blue.'


@pytest.mark.parametrize(
    ("instruction", "calls"),
    [("the red thing", 2), (QUOTED, 2), ("the green thing", 2)],
)
def test_it_searches_once_and_takes_what_is_there(instruction, calls) -> None:
    rgb = np.full((40, 60, 3), 160, np.uint8)
    rgb[5:20, 10:30] = (220, 20, 20)
    fake = load("fake")
    answer = AgentSegmenter(TakesAll(), fake, Budget()).segment_image(rgb, instruction)
    assert answer.calls == calls
    assert len(answer.instances) == len(fake.segment_image(rgb, instruction).instances)
    assert answer.searched == (instruction,)


def test_messages_without_a_query_are_refused() -> None:
    with pytest.raises(ValueError, match="no query"):
        TakesAll().complete([Message("system", ""), Message("user", "hello")])
