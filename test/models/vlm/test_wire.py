import json

import numpy as np
import pytest

from instructsam_ros.models.vlm.chat import Message, Tool, ToolCall
from instructsam_ros.models.vlm.wire import call_id, data_url, message_json, read_reply, shrunk, tool_json
from test.chat_server import pictures_of, raw_call, text_of

LOOK = ToolCall("look", {"at": "mug"}, "id7")


def body(message, **further):
    return {"choices": [{"message": message, **further}]}


def test_pictures_arrive_as_they_were_sent():
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, :15] = (250, 10, 20)
    sent = message_json(Message("user", "what is this?", (picture, picture[:, ::-1])), 100)
    first, second = pictures_of({"messages": [sent]})
    assert text_of(sent) == "what is this?"
    assert np.abs(first.astype(int) - picture).mean() < 8  # JPEG
    assert np.abs(second.astype(int) - picture[:, ::-1]).mean() < 8


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 200), (100, 50)), ((50, 100), (50, 100)), ((1, 900), (1, 100))]
)
def test_large_pictures_are_shrunk(size, expected):
    assert shrunk(np.zeros((*size, 3), np.uint8), 100).shape == (*expected, 3)
    assert data_url(np.zeros((*size, 3), np.uint8), 100).startswith("data:image/jpeg;base64,")


def test_a_call_and_its_answer_share_an_id():
    asked, answered = (
        message_json(Message("assistant", "", call=LOOK), 1),
        message_json(Message("tool", "a mug", call=LOOK), 1),
    )
    (call,) = asked["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("id7", "look")
    assert json.loads(call["function"]["arguments"]) == {"at": "mug"}
    assert answered == {"role": "tool", "content": "a mug", "tool_call_id": "id7"}


def test_tools_are_functions():
    assert tool_json(Tool("look", "Look.")) == {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Look.",
            "parameters": {"type": "object", "properties": {}},
        },
    }


def test_a_reply_is_read_with_calls_and_tokens():
    data = body(
        {"content": "<think>hm</think>I look.", **raw_call("look", '{"at": "mug"}')} | {"content": "I look."}
    )
    reply = read_reply(data | {"usage": {"total_tokens": 42}}, [])
    assert (reply.text, reply.tokens, reply.cut_off, reply.errors) == ("I look.", 42, False, ())
    assert (reply.calls[0].name, reply.calls[0].arguments) == ("look", {"at": "mug"})
    assert read_reply(body({"content": [{"type": "text", "text": "hello"}]}), []).text == "hello"
    assert read_reply(body({"content": "he"}, finish_reason="length"), []).cut_off


def test_tokens_are_estimated_where_the_server_tells_none():
    asked = [Message("user", "x" * 400, (np.zeros((2, 2, 3), np.uint8),))]
    assert read_reply(body({"content": "y" * 400}), asked).tokens > 1000 + 200
    for usage in (None, {}, {"total_tokens": None}, {"total_tokens": 0}, {"total_tokens": True}):
        assert read_reply(body({"content": "y"}) | {"usage": usage}, asked).tokens > 1000


@pytest.mark.parametrize(
    "message",
    [
        raw_call("look", "{at"),
        raw_call(None, "{}"),
        raw_call("look", 5),
        {"tool_calls": [None, "x", {"function": 3}]},
    ],
)
def test_malformed_calls_become_errors(message):
    reply = read_reply(body(message), [])
    assert not reply.calls
    assert reply.errors


@pytest.mark.parametrize(
    "data",
    [None, [], 5, "text", {}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": None}]}]
    + [body(m) for m in ({"content": 5}, {"content": [5]}, {"tool_calls": {"a": 1}})],
)
def test_bodies_without_a_reply_are_refused(data):
    with pytest.raises(ValueError, match="without a reply"):
        read_reply(data, [])


def test_the_servers_own_error_is_passed_on():
    with pytest.raises(ValueError, match="overloaded"):
        read_reply({"error": {"message": "overloaded"}}, [])


def test_ids_of_odd_calls_are_none():
    assert [call_id(call) for call in (None, "text", {}, {"id": "7"})] == [None, None, None, "7"]
