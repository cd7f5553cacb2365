import json
import logging
import threading

import numpy as np
import pytest

from instructsam_ros.errors import BudgetError, CancelledError, ChatError, ConfigError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import Message, Tool
from instructsam_ros.models.vlm.server import ServerChat, ServerSettings
from instructsam_ros.yaml_config import build
from test.chat_server import HANG, Http, call, chat_server, in_turn, pictures_of

HELLO = [Message("system", "be kind"), Message("user", "hello", (np.full((8, 8, 3), 200, np.uint8),))]
KEY = "sk-very-secret-0123456789"


def client(server, **settings):
    return ServerChat(
        ServerSettings(server.url, "tiny", **{"timeout": 5.0, "retries": 2, "pause": 0.01} | settings)
    )


def test_a_conversation_with_a_tool():
    with chat_server(in_turn(call("look", at="mug"), "a red mug")) as server:
        chat, spending = client(server, request={"temperature": 0}), Spending(Budget())
        reply = chat.complete(HELLO, [Tool("look", "Look.")], spending=spending)
        (made,) = reply.calls
        assert (made.name, made.arguments) == ("look", {"at": "mug"})
        told = [*HELLO, Message("assistant", "", call=made), Message("tool", "it is red", call=made)]
        assert chat.complete(told, spending=spending).text == "a red mug"
    assert (spending.calls, spending.tokens) == (2, 200)
    first, second = server.requests
    assert set(server.paths) == {"/v1/chat/completions"}
    assert (first["model"], first["temperature"], first["tools"][0]["function"]["name"]) == (
        "tiny",
        0,
        "look",
    )
    assert "tools" not in second
    assert len(pictures_of(first)) == 1
    assert [m["role"] for m in second["messages"]] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize(
    "failure",
    [
        Http(500, b"broken"),
        Http(429, b"slow down", {"Retry-After": "0.02"}),
        Http(503, b"", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Http(200, b"{broken"),
        Http(200, b"\xff\xfe"),
        Http(200, b'{"error": {"message": "overloaded"}}'),
        Http(200, b"half", {"Content-Length": "100"}),
        Http(200, b"[" * 100_000),
    ],
    ids=["500", "429", "503", "JSON", "bytes", "error", "cut off", "nested"],
)
def test_failures_that_may_pass_are_tried_again(failure):
    with chat_server(in_turn(failure, failure, "hello")) as server:
        spending = Spending(Budget())
        assert client(server).complete(HELLO, spending=spending).text == "hello"
        assert spending.calls == 3
        server.answer = in_turn(failure)
        with pytest.raises(ChatError, match=r"tiny at http.* did not answer in 3 attempts; the last: "):
            client(server).complete(HELLO)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_refusals_are_not_tried_again(status):
    with chat_server(in_turn(Http(status, b"no such model"))) as server:
        with pytest.raises(ChatError, match=f"refuses: HTTP {status} .*no such model"):
            client(server).complete(HELLO)
        assert len(server.requests) == 1


def test_a_server_that_hangs_or_sends_drop_by_drop_is_left():
    with chat_server(in_turn(HANG)) as server:
        with pytest.raises(ChatError, match=r"no answer in 0\.1 s"):
            client(server, timeout=0.1, retries=1).complete(HELLO)
        with pytest.raises(BudgetError):
            client(server, retries=9).complete(HELLO, spending=Spending(Budget(seconds=0.2)))


def test_no_server_is_a_typed_error():
    with chat_server() as server:
        pass
    with pytest.raises(ChatError, match="no connection"):
        client(server).complete(HELLO)


def test_attempts_and_pauses_stay_in_the_budget():
    with chat_server(in_turn(Http(500))) as server:
        with pytest.raises(BudgetError, match="all 2 calls"):
            client(server, retries=50).complete(HELLO, spending=Spending(Budget(calls=2)))
        assert len(server.requests) == 2
        server.answer = in_turn(Http(429, b"", {"Retry-After": "3600"}))
        with pytest.raises(BudgetError, match="ends before the next attempt"):
            client(server).complete(HELLO, spending=Spending(Budget(seconds=60)))
        spending = Spending(Budget(tokens=10))
        server.answer = in_turn("hello")
        client(server).complete(HELLO, spending=spending)
        with pytest.raises(BudgetError, match="tokens"):
            client(server).complete(HELLO, spending=spending)
    assert server.requests[-1]["max_tokens"] == 10


@pytest.mark.parametrize("answer", [HANG, Http(429, b"", {"Retry-After": "3600"})], ids=["hang", "pause"])
def test_cancelling_ends_a_call(answer):
    asked = threading.Event()

    def reply(body):
        asked.set()
        return answer

    with chat_server(reply) as server, pytest.raises(CancelledError):
        client(server, timeout=1000).complete(HELLO, cancel=asked.is_set)


def test_the_key_is_sent_and_never_told(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    with chat_server(in_turn("hello", Http(401, f"incorrect key {KEY}".encode()))) as server:
        chat = client(server, key_variable="MY_KEY")
        chat.complete(HELLO)
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        with pytest.raises(ChatError, match=r"incorrect key \*\*\*") as refused:
            chat.complete(HELLO)
    monkeypatch.setenv("MY_KEY", f"{KEY}\nX-Other: 1")
    with pytest.raises(ConfigError, match="MY_KEY") as odd:
        chat.complete(HELLO)
    assert KEY not in f"{chat!r} {refused.value!r} {odd.value!r} {caplog.text} {json.dumps(server.requests)}"


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with chat_server(in_turn("hello")) as server:
        client(server).complete(HELLO)
    assert "Authorization" not in server.headers[0]


def test_a_redirection_does_not_get_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with chat_server(in_turn("hello")) as other, chat_server() as server:
        server.answer = in_turn(Http(302, b"", {"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(ChatError, match="HTTP 302"):
            client(server).complete(HELLO)
        assert not other.requests


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "file:///etc/passwd"},
        {"url": "localhost:8000"},
        {"url": "https://"},
        {"url": "https://user:sk-1@host/v1"},
        {"url": "https://host/v1?key=sk-1"},
        {"url": "https://host/v1", "retries": -1},
        {"url": "https://host/v1", "max_tokens": 0},
        {"url": "https://host/v1", "timeout": 1e9},
        {"url": "https://host/v1", "limit_field": "tokens"},
        {"url": "https://host/v1", "api_key": "sk-1"},
    ],
)
def test_unusable_settings_are_refused(settings):
    with pytest.raises(ConfigError) as error:
        build(ServerSettings, {"model": "tiny", **settings})
    assert "sk-1" not in str(error.value)
