"""Questions are asked once, and again where the reply cannot be used."""

import numpy as np
import pytest
from pydantic import BaseModel

from instructsam_ros.errors import ChatError
from instructsam_ros.models.vlm.chat import Message, Reply
from instructsam_ros.training.data_engine.asker import Asker, ParkedError, content_key, request_tokens
from instructsam_ros.training.data_engine.journal import Journal
from instructsam_ros.training.data_engine.ledger import Ledger
from instructsam_ros.training.data_engine.prompts import Prompt
from instructsam_ros.training.data_engine.settings import Limits, Prices, Usage

PROMPT = Prompt("system", "how many $what?")
PICTURE = np.zeros((4, 4, 3), np.uint8)


class Count(BaseModel):
    count: int


class Script:
    name = "script"

    def __init__(self, *replies):
        self.replies, self.seen = list(replies), []

    def complete(self, messages, tools=(), *, spending=None, cancel=None):
        spending.begin_call()
        self.seen.append(list(messages))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Reply(reply, tokens=100, reply_tokens=10)


def asker(path, *replies):
    journal = Journal(path)
    ledger = Ledger(Limits(calls_per_minute=1e9), Prices(1.0, 10.0), Usage())
    return Asker(Script(*replies), journal, ledger, "script", 50, 3)


def ask(by, what="mugs", **further):
    return by.ask(PROMPT, {"what": what}, [PICTURE], Count, **further)


def test_the_same_question_is_asked_once_over_runs(tmp_path):
    first = asker(tmp_path / "calls.jsonl", '{"count": 2}')
    assert ask(first).value.count == ask(first).value.count == 2
    assert first.ledger.spent == Usage(1, 100, pytest.approx(90e-6 + 100e-6))
    first.journal.close()
    second = asker(tmp_path / "calls.jsonl", '{"count": 3}')
    assert ask(second).value.count == 2
    assert ask(second, "cups").value.count == 3


def test_the_model_is_told_what_was_wrong(tmp_path):
    by = asker(tmp_path / "calls.jsonl", "two", '{"count": -1}', '{"count": 1}')
    answer = ask(by, check=lambda reply: "" if reply.count >= 0 else "less than none")
    assert answer.value.count == 1
    assert len(set(answer.calls)) == 3
    assert "no JSON object" in by.chat.seen[1][-1].text
    assert "less than none" in by.chat.seen[2][-1].text


def test_after_the_last_reply_the_question_is_parked(tmp_path):
    with pytest.raises(ParkedError, match="3 replies"):
        ask(asker(tmp_path / "calls.jsonl", "one", "two", "three"))


def test_a_failure_counts_its_attempts_and_is_asked_again(tmp_path):
    by = asker(tmp_path / "calls.jsonl", ChatError("gone"), '{"count": 1}')
    with pytest.raises(ChatError):
        ask(by)
    assert by.ledger.spent.calls == 1
    assert ask(by).value.count == 1


def test_the_key_depends_on_all_content():
    messages = [Message("user", "a", (PICTURE,))]
    keys = {
        content_key("m", messages),
        content_key("n", messages),
        content_key("m", [Message("user", "b", (PICTURE,))]),
        content_key("m", [Message("user", "a", (PICTURE + 1,))]),
        content_key("m", [Message("user", "a", (PICTURE.reshape(2, 8, 3),))]),
    }
    assert len(keys) == 5
    assert content_key("m", [Message("user", "a", (PICTURE.copy(),))]) in keys
    assert request_tokens(messages) > 1000
