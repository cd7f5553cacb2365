"""Client of a server that speaks OpenAI's chat format: vLLM, llama.cpp, Ollama, or one in a cloud.

The key is read from the environment at every call; it is in no setting, log, trace or error.
"""

from __future__ import annotations

import json
import math
import os
import random
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from instructsam_ros.errors import BudgetError, ChatError, ConfigError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import Message, Reply, Tool
from instructsam_ros.models.vlm.waiting import run_for, wait
from instructsam_ros.models.vlm.wire import message_json, read_reply, tool_json
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.yaml_config import check_range

MAX_RESPONSE_BYTES = 16 * 2**20
SHOWN_CHARS = 300
"""Of a server's own words, in an error."""

MAX_PAUSE = 30.0
"""Longest pause in seconds that doubling comes to; a server may ask for a longer one."""


@dataclass(frozen=True)
class ServerSettings:
    """url: with the version, such as http://localhost:8000/v1. model: its name on that server.

    key_variable: environment variable with the key; without that variable no key is sent. max_tokens: of one
    reply; limit_field: how the request calls it. timeout: of one attempt, seconds. retries: further attempts
    after 408, 429, 5xx, time-outs, lost connections and unreadable bodies; pause: seconds before the first of
    them, doubled each time. max_picture_side: pixels, larger pictures are shrunk. request: further fields of
    each request, such as temperature.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    max_tokens: int = 4096
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    timeout: float = 120.0
    retries: int = 4
    pause: float = 1.0
    max_picture_side: int = 1536
    request: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("url must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query:
            raise ConfigError(f"url must hold no key: put it into the variable {self.key_variable}")
        check_range(self, 1, math.inf, "max_tokens", "max_picture_side")
        check_range(self, 0, 100, "retries")
        check_range(self, 0.0, 86400.0, "timeout", "pause")


class _RetryableError(Exception):
    """An attempt that failed in a way that may pass. pause: seconds that the server asks for."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse redirections, which would take the key to another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


@dataclass(frozen=True)
class ServerChat:
    """ChatModel behind a server; see the module."""

    settings: ServerSettings

    @property
    def name(self) -> str:
        """Name of the model on its server."""
        return self.settings.model

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        spending: Spending | None = None,
        cancel: Cancel | None = None,
    ) -> Reply:
        """Answer the messages; see ChatModel.complete."""
        spending = spending or Spending(Budget(self.settings.retries + 1, math.inf))
        limit = min(self.settings.max_tokens, max(1, spending.tokens_left))
        data: dict[str, Any] = {
            "model": self.settings.model,
            "messages": [message_json(message, self.settings.max_picture_side) for message in messages],
            self.settings.limit_field: limit,
            **self.settings.request,
        }
        if tools:
            data["tools"] = [tool_json(tool) for tool in tools]
        body, headers = json.dumps(data).encode(), self._headers()
        for attempt in range(self.settings.retries + 1):
            raise_if_cancelled(cancel)
            spending.begin_call()
            try:
                reply = self._attempt(body, headers, messages, spending, cancel)
            except _RetryableError as error:
                if attempt == self.settings.retries:
                    raise ChatError(
                        f"{self._place} did not answer in {attempt + 1} attempts; the last: {error}"
                    ) from None
                doubled = min(MAX_PAUSE, self.settings.pause * 2**attempt)
                pause = max(error.pause, doubled * random.uniform(0.5, 1.0))  # or all clients return at once
                if pause >= spending.seconds_left:
                    raise BudgetError(
                        f"the budget of {spending.budget.seconds:g} s ends before the next attempt at "
                        f"{self._place}; the last: {error}"
                    ) from None
                wait(pause, cancel)
            else:
                spending.add_tokens(reply.tokens)
                return reply
        raise AssertionError("not reached")

    @property
    def _place(self) -> str:
        return f"{self.settings.model} at {self.settings.url}"

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if key := self._key():
            if not key.isascii() or not key.isprintable():
                raise ConfigError(f"{self.settings.key_variable} holds characters that no key has")
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def _key(self) -> str:
        return os.environ.get(self.settings.key_variable, "").strip()

    def _attempt(
        self,
        body: bytes,
        headers: Mapping[str, str],
        messages: Sequence[Message],
        spending: Spending,
        cancel: Cancel | None,
    ) -> Reply:
        seconds = min(self.settings.timeout, spending.seconds_left)
        try:
            # A server that sends a byte now and then never reaches the timeout of a socket.
            content = run_for(seconds, cancel, lambda: self._post(body, headers, seconds))
            return read_reply(json.loads(content), messages)
        except TimeoutError:
            raise _RetryableError(f"no answer in {seconds:.3g} s") from None
        except (OSError, HTTPException) as error:
            raise _RetryableError(self._clean(f"no connection: {error or type(error).__name__}")) from None
        except (ValueError, RecursionError) as error:
            raise _RetryableError(self._clean(f"an unreadable answer: {error}")) from None

    def _post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> bytes:
        url = f"{self.settings.url.rstrip('/')}/chat/completions"
        request = urllib.request.Request(url, body, dict(headers))
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=max(seconds, 0.001)) as response:
                content: bytes = response.read(MAX_RESPONSE_BYTES + 1)
        except urllib.error.HTTPError as error:
            text = error.read(4 * SHOWN_CHARS).decode(errors="replace")
            reason = self._clean(f"HTTP {error.code} {error.reason}: {' '.join(text.split())}")
            if error.code >= 500 or error.code in (408, 429):
                raise _RetryableError(reason, _asked_pause(error.headers.get("Retry-After", ""))) from None
            raise ChatError(f"{self._place} refuses: {reason}") from None
        if len(content) > MAX_RESPONSE_BYTES:
            raise ValueError(f"more than {MAX_RESPONSE_BYTES} bytes")
        return content

    def _clean(self, text: str) -> str:
        """Shorten a server's words, without the key, which some servers repeat."""
        key = self._key()
        return (text.replace(key, "***") if key else text)[:SHOWN_CHARS]


def _asked_pause(asked: str) -> float:
    try:
        seconds = float(asked)
    except ValueError:  # absent, or a date
        return 0.0
    return seconds if 0 <= seconds < math.inf else 0.0
