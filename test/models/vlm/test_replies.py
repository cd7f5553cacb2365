import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.models.vlm.replies import add_call, read_calls, without_thoughts

CALL = '{"name": "look", "arguments": {"at": "mug"}}'


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>{CALL}</tool_call>",
        f"<tool>\n{CALL}\n</tool>",
        f"<tool>{CALL}}}</tool>",  # a brace too many
        f"<tool_call>{CALL}",  # the end of the tag was the end of the reply
        '<tool>{"name": "look", "parameters": {"at": "mug"}}</tool>',
        '<tool>{"name": "look", "arguments": "{\\"at\\": \\"mug\\"}"}</tool>',
    ],
)
def test_calls_in_tags_are_read(text):
    outside, (call,), errors = read_calls(f"I look. {text}")
    assert (outside, call.name, call.arguments, errors) == ("I look.", "look", {"at": "mug"}, [])
    assert call.id


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<tool>{look}</tool>", "not valid JSON: {look}"),
        ("<tool>[1, 2]</tool>", "no JSON object"),
        ("<tool>" + "[" * 100_000, "not valid JSON"),
        ('<tool>{"arguments": {}}</tool>', "without a name"),
        ('<tool>{"name": "look", "arguments": [1]}</tool>', "arguments of look are no JSON object"),
        ('<tool>{"name": "look", "arguments": "{at"}</tool>', "arguments of look are not valid JSON"),
    ],
)
def test_unreadable_calls_are_explained(text, error):
    _, calls, errors = read_calls(text)
    assert not calls
    assert error in errors[0]


def test_several_calls_come_in_order():
    _, calls, errors = read_calls('<tool>{"name": "a"}</tool><tool>{</tool> and <tool>{"name": "b"}</tool>')
    assert [call.name for call in calls] == ["a", "b"]
    assert len(errors) == 1


@given(st.text('{}[]"\\\\<>/: toleanm1'))
def test_any_text_is_read(text):
    outside, calls, errors = read_calls(f"<tool>{text}</tool>")
    assert isinstance(outside, str)
    assert calls or errors


@pytest.mark.parametrize(
    "text", ["<think>no Reject</think>Accept", "no Reject</think> Accept", "Accept<think>endless Reject"]
)
def test_thoughts_are_no_answer(text):
    assert without_thoughts(text) == "Accept"


def test_an_absent_id_is_replaced_by_one_of_its_own():
    calls, errors = [], []
    add_call("look", None, None, calls, errors)
    add_call("look", {}, 7, calls, errors)
    add_call("look", "", "seven", calls, errors)
    assert not errors
    assert calls[2].id == "seven"
    assert len({call.id for call in calls}) == 3
