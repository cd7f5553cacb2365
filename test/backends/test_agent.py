"""The agent over HTTP: a server on this machine plays the chat model, the fake finds the masks."""

import json

import numpy as np
import pytest

from instructsam_ros.backends.agent import load
from instructsam_ros.errors import BudgetError, CancelledError, ChatError, ConfigError, InstructSamError
from instructsam_ros.segmenter import load as load_backend
from instructsam_ros.types import Status
from test.agent.test_episode import RGB
from test.chat_server import HANG, Http, call, chat_server, in_turn, raw_call

SEGMENT, SELECT = (
    call("segment_phrase", text_prompt="red"),
    call("select_masks_and_return", final_answer_masks=[1]),
)
FAST = {"timeout": 0.3, "retries": 1, "pause": 0.01}


def agent(server, **options):
    settings = {"segmenter": {"model": "fake"}, "chat": FAST} | options
    return load("tiny", "cpu", url=server.url, **settings)


def test_an_instruction_is_answered_and_the_cost_told(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-42")
    examine, accept = call("examine_each_mask"), "<verdict>Accept</verdict>"
    with chat_server(in_turn(SEGMENT, examine, accept, accept, SELECT)) as server:
        model = load_backend(
            "tiny", backend="agent", url=server.url, segmenter={"model": "fake"}, trace=str(tmp_path)
        )
        result = model.segment_image(RGB, "the large red one")
    (instance,) = result.instances
    assert instance.box.tolist() == [5, 5, 25, 25]
    assert (result.status, result.answer, result.searched) == (Status.OK, "red", ("red",))
    assert (result.calls, result.tokens) == (5, 500)
    assert set(result.timings) == {"encode", "search", "chat"}
    (file,) = tmp_path.glob("*/trace.json")
    data = json.loads(file.read_text())
    assert data["outcome"]["status"] == "OK"
    assert [event["kind"] for event in data["events"]] == ["agent", "agent", "check", "check", "agent"]
    assert len(list(file.parent.glob("*.png"))) == 1 + 1 + 2 * 2 + 1  # shown, numbered, checks, numbered anew
    assert "sk-secret-42" not in file.read_text() + repr(model)
    assert "base64" not in file.read_text()


def test_calls_in_the_text_of_a_reply_do_as_well():
    text = '<tool_call>{"name": "segment_phrase", "arguments": {"text_prompt": "blue"}}</tool_call>'
    with chat_server(in_turn(text, SELECT)) as server:
        assert agent(server).segment_image(RGB, "the blue one").answer == "blue"


def test_an_absent_target_is_no_target():
    with chat_server(in_turn(call("segment_phrase", text_prompt="plant"), call("report_no_mask"))) as server:
        result = agent(server).segment_image(RGB, "the plant")
    assert (result.status, result.instances, result.answer) == (Status.NO_TARGET, (), "nothing")


ERRING = {
    "bad JSON": raw_call("segment_phrase", "{text_prompt"),
    "unknown tool": call("paint"),
    "odd call": {"tool_calls": [{"function": 3}]},
    "500": Http(500, b"broken"),
    "429": Http(429, b"slow down", {"Retry-After": "0.01"}),
    "hang": HANG,
    "no JSON": Http(200, b"<html>"),
}


@pytest.mark.parametrize("error", ERRING.values(), ids=ERRING)
def test_errors_are_survived_once_and_typed_if_they_stay(error):
    with chat_server(in_turn(error, SEGMENT, error, SELECT)) as server:
        assert len(agent(server).segment_image(RGB, "the large red one").instances) == 1
        server.answer, count = in_turn(error), len(server.requests)
        with pytest.raises((ChatError, BudgetError)):
            agent(server, budget={"calls": 6, "seconds": 20}).segment_image(RGB, "the large red one")
        assert len(server.requests) - count <= 6


@pytest.mark.parametrize("budget", [{"calls": 4}, {"seconds": 0.5}, {"tokens": 350}])
def test_endless_searching_ends_within_every_budget(budget, tmp_path):
    searched = iter(range(10**6))
    with chat_server(lambda body: call("segment_phrase", text_prompt=f"thing {next(searched)}")) as server:
        with pytest.raises(BudgetError):
            agent(server, budget=budget, trace=tmp_path).segment_image(RGB, "the plant")
        assert "seconds" in budget or len(server.requests) == 4
    (file,) = tmp_path.glob("*/trace.json")
    assert json.loads(file.read_text())["outcome"]["error"].startswith("BudgetError")


def test_a_request_that_is_refused_is_typed():
    with chat_server(in_turn(Http(401, b"no key"))) as server, pytest.raises(ChatError, match="HTTP 401"):
        agent(server).segment_image(RGB, "the large red one")
    with pytest.raises(ChatError, match="no connection"):
        agent(server).segment_image(RGB, "the large red one")


def test_cancelling_ends_a_call_that_hangs():
    polls = iter([False] * 5)
    with chat_server(in_turn(HANG)) as server, pytest.raises(CancelledError):
        agent(server, chat={"timeout": 1000}).segment(
            agent(server).encode(RGB), "the large red one", cancel=lambda: next(polls, True)
        )


def test_failures_of_the_segmenter_below_are_not_hidden():
    with (
        chat_server(in_turn(SEGMENT)) as server,
        pytest.raises(InstructSamError, match="fake segmenter fails"),
    ):
        agent(server, segmenter={"model": "fake", "fail": True}).segment_image(RGB, "the large red one")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"segmenter": {"backend": "os:system"}}, "cannot use the backend 'os:system'; known: fake"),
        ({"segmenter": {"backend": "agent"}}, "cannot use the backend 'agent'"),
        ({"segmenter": {"model": "fake", "wings": 2}}, "wings"),
        ({"segmenter": "fake"}, "must be mappings"),
        ({"chat": {"api_key": "x"}}, "unknown setting api_key"),
        ({"budget": {"rounds": 3}}, "unknown setting rounds"),
        ({"budget": {"calls": 0}}, "calls must be at least 1"),
        ({"retries": -1}, "retries"),
        ({"retries": True}, "retries"),
        ({"trace": 5}, "trace"),
        ({"url": "localhost"}, "url must begin"),
    ],
)
def test_unusable_options_are_named(options, problem):
    with pytest.raises(ConfigError, match=problem):
        load("tiny", "cpu", **{"url": "http://localhost/v1", "segmenter": {"model": "fake"}} | options)


def test_a_local_chat_model_has_its_own_options():
    with pytest.raises(ConfigError, match=r"chat: .*wings"):
        load("no-such-folder", "cpu", segmenter={"model": "fake"}, chat={"wings": 2})
    with pytest.raises(InstructSamError, match="no-such-folder"):
        load("no-such-folder", "cpu", segmenter={"model": "fake"})


def test_the_picture_is_not_kept():
    with chat_server(in_turn(SEGMENT, SELECT)) as server:
        rgb = RGB.copy()
        features = agent(server).encode(rgb)
        rgb[:] = 0
        assert np.array_equal(features.rgb, RGB)
