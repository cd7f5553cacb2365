"""Questions to a language model that are answered once: cached, checked, asked again, counted."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import ChatModel, Message
from instructsam_ros.models.vlm.wire import CHARS_PER_TOKEN, TOKENS_PER_PICTURE
from instructsam_ros.training.data_engine.journal import Journal
from instructsam_ros.training.data_engine.json_replies import parse_reply
from instructsam_ros.training.data_engine.ledger import Ledger
from instructsam_ros.training.data_engine.prompts import Prompt

T = TypeVar("T", bound=BaseModel)
MOST = 10**9
AGAIN = "That reply cannot be used: {problem}. Reply again, with the corrected JSON object alone."


class ParkedError(InstructSamError):
    """A question to which the model gave no reply of the right form."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked reply. calls: keys of the calls in the journal, the last one is that of this reply."""

    value: T
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Asker:
    """Asks ``chat``; replies are kept in ``journal`` by the content of the question.

    identity: of the model and its settings. max_tokens: of a reply. replies: to one question, at most.
    """

    chat: ChatModel
    journal: Journal
    ledger: Ledger
    identity: str
    max_tokens: int
    replies: int

    def ask(
        self,
        prompt: Prompt,
        values: Mapping[str, str],
        pictures: Sequence[NDArray[np.uint8]],
        schema: type[T],
        check: Callable[[T], str] = lambda _: "",
    ) -> Answer[T]:
        """Ask for an object of ``schema`` about ``pictures``, uint8 [H, W, 3] RGB.

        check: what is wrong with a reply beyond its form, "" for nothing. The model is told and asked again.
        Raises ParkedError where no reply can be used, ChatError for a model that fails, BudgetError.
        """
        messages = [Message("system", prompt.system), Message("user", prompt.fill(values), tuple(pictures))]
        calls: list[str] = []
        problem = ""
        for _ in range(self.replies):
            key = content_key(self.identity, messages)
            calls.append(key)
            text = self._reply(key, messages)
            try:
                value = parse_reply(text, schema)
                problem = check(value)
            except ValueError as error:
                problem = str(error)
            if not problem:
                return Answer(value, tuple(calls))
            messages += [Message("assistant", text), Message("user", AGAIN.format(problem=problem))]
        raise ParkedError(f"{self.replies} replies could not be used; the last: {problem}")

    def _reply(self, key: str, messages: Sequence[Message]) -> str:
        known = self.journal.get(key)
        if known is not None:
            return str(known["text"])
        request = request_tokens(messages)
        reserved = self.ledger.reserve(request, self.max_tokens)
        used = self.ledger.usage(0, 0, 0)
        spending = Spending(Budget(MOST, math.inf, MOST))
        try:
            self.journal.add(key, "begin", **vars(reserved))
            start = time.monotonic()
            try:
                reply = self.chat.complete(messages, spending=spending)
            except InstructSamError as error:
                # An attempt that timed out may have been charged; what it cost cannot be known.
                used = self.ledger.usage(spending.calls, 0, 0)
                self.journal.add(key, "failed", reason=str(error), **vars(used))
                raise
            sent = max(0, reply.tokens - reply.reply_tokens)
            used = self.ledger.usage(spending.calls, sent, reply.reply_tokens)
            seconds = round(time.monotonic() - start, 3)
            self.journal.add(key, "result", text=reply.text, seconds=seconds, **vars(used))
            return reply.text
        finally:
            self.ledger.settle(reserved, used)


def content_key(identity: str, messages: Sequence[Message]) -> str:
    """Hash what a reply depends on: the model and all messages with the pixels of their pictures."""
    content = [
        [
            m.role,
            m.text,
            [[*p.shape, hashlib.sha256(p.tobytes()).hexdigest()] for p in m.pictures],
        ]
        for m in messages
    ]
    return hashlib.sha256(json.dumps([identity, content]).encode()).hexdigest()[:32]


def request_tokens(messages: Sequence[Message]) -> int:
    """Estimate the tokens of a request, rather too many than too few."""
    chars = sum(len(message.text) for message in messages)
    return chars // CHARS_PER_TOKEN + TOKENS_PER_PICTURE * sum(len(m.pictures) for m in messages) + 1
