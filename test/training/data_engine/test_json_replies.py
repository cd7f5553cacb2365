"""Small damages are repaired, others described."""

import pytest
from pydantic import BaseModel

from instructsam_ros.training.data_engine.json_replies import parse_reply


class Point(BaseModel):
    x: int
    names: list[str]


@pytest.mark.parametrize(
    "text",
    [
        '{"x": 1, "names": ["a"]}',
        'Here it is:\n```json\n{"x": 1, "names": ["a",],}\n```\nAnything else?',
        '{"x": 1, "names": ["a"]}} ',
    ],
)
def test_an_object_is_found(text):
    assert parse_reply(text, Point) == Point(x=1, names=["a"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no idea", "no JSON object"),
        ('{"x": 1, "names": ["a"', "not valid JSON"),
        ('{"x": "one", "names": ["a"]}', "x: "),
        ('{"x": 1}', "names: Field required"),
    ],
)
def test_other_replies_are_described(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_reply(text, Point)
