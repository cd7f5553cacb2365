"""A server on this machine that speaks OpenAI's chat format, and errs on purpose."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Http:
    """A response as it goes over the wire. drip: bytes come one by one, for ever."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: bool = False


HANG = Http(drip=True)
Answer = Callable[[dict[str, Any]], Any]
"""From the body of a request to the message of the assistant (dict or text), or to Http."""


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A message that calls a tool."""
    return raw_call(name, json.dumps(arguments))


def raw_call(name: Any, arguments: Any) -> dict[str, Any]:
    """A message that calls a tool with arguments of any kind."""
    function = {"name": name, "arguments": arguments}
    return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


def in_turn(*answers: Any) -> Answer:
    """Give the answers one after the other, the last one again and again."""
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


class ChatServer(ThreadingHTTPServer):
    """requests: bodies that came. headers: of these requests."""

    daemon_threads = True
    answer: Answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.headers.append(dict(self.headers))
        self.server.paths.append(self.path)
        answer = self.server.answer(body)
        if isinstance(answer, Http) and answer.drip:
            self.send_response(200)
            self.end_headers()
            while not self.server.stopped.wait(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()
            return
        if not isinstance(answer, Http):
            message = {"content": answer} if isinstance(answer, str) else answer
            choice = {"message": {"role": "assistant", **message}, "finish_reason": "stop"}
            answer = Http(body=json.dumps({"choices": [choice], "usage": {"total_tokens": 100}}).encode())
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def chat_server(answer: Answer | None = None) -> Iterator[ChatServer]:
    """Serve until the end of the block. The client may have left before an answer, which is no error."""
    server = ChatServer()
    server.handle_error = lambda *_: None  # type: ignore[method-assign, assignment]
    if answer is not None:
        server.answer = answer
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def pictures_of(body: dict[str, Any]) -> list[NDArray[np.uint8]]:
    """Pictures of a request, RGB."""
    found = []
    for message in body["messages"]:
        if isinstance(message["content"], list):
            for part in message["content"]:
                if part["type"] == "image_url":
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                    found.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
    return found


def text_of(message: dict[str, Any]) -> str:
    """Text of a message of a request."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)
