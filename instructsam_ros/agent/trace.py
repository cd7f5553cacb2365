"""Record of one answer of the agent: a folder with trace.json and its pictures as PNG."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.models.vlm.chat import Message, Reply, ToolCall


class Trace:
    """A list of events, written after each, so that a run that was killed leaves what happened until then.

    Messages that an earlier event holds are not written again. Raises InstructSamError where the folder
    cannot be written.
    """

    def __init__(self, parent: Path | None, instruction: str) -> None:
        """parent: gets a folder of its own for this answer; None records nothing."""
        name = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:8]}"
        self.folder = None if parent is None else parent / name
        self._data: dict[str, Any] = {"instruction": instruction, "events": []}
        self._pictures: list[NDArray[np.uint8]] = []
        self._messages: list[Message] = []

    def add(self, kind: str, messages: Sequence[Message], reply: Reply) -> None:
        """Record a question, "agent" or "check", and its reply."""
        if self.folder is None:
            return
        new = [message for message in messages if not any(message is old for old in self._messages)]
        self._messages += new
        event: dict[str, Any] = {"kind": kind, "messages": [self._message(message) for message in new]}
        event["reply"] = {
            "text": reply.text,
            "calls": [_call(call) for call in reply.calls],
            "errors": list(reply.errors),
            "cut_off": reply.cut_off,
            "tokens": reply.tokens,
        }
        self._data["events"].append(event)
        self._write()

    def finish(self, **outcome: Any) -> None:
        """Record how it ended."""
        if self.folder is not None:
            self._data["outcome"] = outcome
            self._write()

    def _message(self, message: Message) -> dict[str, Any]:
        data: dict[str, Any] = {"role": message.role, "text": message.text}
        if message.pictures:
            data["pictures"] = [self._picture(picture) for picture in message.pictures]
        if message.call is not None:
            data["call"] = _call(message.call)
        return data

    def _picture(self, picture: NDArray[np.uint8]) -> str:
        known = [i for i, other in enumerate(self._pictures) if other is picture]
        number = known[0] if known else len(self._pictures)
        name = f"{number:03d}.png"
        if not known and self.folder is not None:
            self._pictures.append(picture)
            _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            write_atomic(self.folder / name, data.tobytes())
        return name

    def _write(self) -> None:
        if self.folder is not None:
            write_atomic(self.folder / "trace.json", json.dumps(self._data, indent=1).encode())


def _call(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": dict(call.arguments)}
