"""A server in OpenAI's chat format that knows rendered scenes and errs at set rates.

It finds out by the pictures of a request which scene and which objects are meant, as a model would.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scripted_answers import Scene, ScriptedAnswers

HANG_SECONDS = 3.0


@dataclass(frozen=True)
class Faults:
    """Probabilities. Of a target: box (it lies elsewhere), count (an object too few or too many). Of a
    question: ground (a wrong number). Of a description: named (the complex text names the target), mistaken
    (it describes another object). verdict: of a wrong judgement. Of an attempt: broken (JSON), refused (429),
    hang.
    """

    box: float = 0.0
    count: float = 0.0
    ground: float = 0.0
    named: float = 0.0
    mistaken: float = 0.0
    verdict: float = 0.0
    broken: float = 0.0
    refused: float = 0.0
    hang: float = 0.0


@dataclass
class Log:
    """replies: by task. refused, hung, broken: attempts."""

    replies: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    hung: int = 0
    broken: int = 0


class ScriptedVlm:
    """The server. scenes: what it knows. Faults depend on the seed and the content of a request, those of an
    attempt on its number, too.
    """

    def __init__(self, scenes: Sequence[Scene], faults: Faults, seed: int = 0) -> None:
        self.answers = ScriptedAnswers(scenes, faults, seed)
        self.faults, self.seed, self.log = faults, seed, Log()
        self._attempts: Counter[int] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The address for ServerSettings."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator[ScriptedVlm]:
        """Serve while the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def reply(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer a request with an HTTP status and a JSON object; may take HANG_SECONDS."""
        number = zlib.crc32(body)
        with self._lock:
            self._attempts[number] += 1
            rng = np.random.default_rng((self.seed, number, self._attempts[number]))
        if rng.random() < self.faults.refused:
            self.log.refused += 1
            return 429, {"error": {"message": "too many requests"}}
        if rng.random() < self.faults.hang:
            self.log.hung += 1
            time.sleep(HANG_SECONDS)
        request = json.loads(body)
        messages = request["messages"]
        task = re.search(r"TASK: (\w+)", messages[0]["content"])
        text, pictures = _content(messages[1]["content"])
        with self._lock:
            answer = json.dumps(self.answers.answer(task[1] if task else "", text, pictures, len(messages)))
            self.log.replies[task[1] if task else ""] += 1
        if rng.random() < self.faults.broken:
            self.log.broken += 1
            answer = answer[: len(answer) * 2 // 3]
        sent = sum(len(str(_content(m["content"])[0])) for m in messages) // 4 + 400 * len(pictures)
        written = len(answer) // 4 + 1
        usage = {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    owner: ScriptedVlm

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, data = self.owner.reply(body)
        content = json.dumps(data).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the client has given up

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _content(content: str | list[dict[str, Any]]) -> tuple[str, list[NDArray[np.uint8]]]:
    """Text and pictures uint8 [H, W, 3] RGB of a message."""
    if isinstance(content, str):
        return content, []
    pictures = []
    for part in content:
        if part["type"] == "image_url":
            data = np.frombuffer(base64.b64decode(part["image_url"]["url"].split(",")[1]), np.uint8)
            bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
            pictures.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8))
    return "\n".join(part["text"] for part in content if part["type"] == "text"), pictures
