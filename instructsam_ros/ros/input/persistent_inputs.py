"""Inputs that persist across activations, instructions and the latest camera_info; and the prompt."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.input.job_queue import JobQueue

MAX_NAMED = 8
"""Each costs an answer of the model on every frame."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PersistentInputs:
    """Instructions and camera_info, for the queue of this activation and of later ones.

    One lock keeps the order: inputs that arrive during activation reach the queue after those they replace.
    announce: called, in order, with each instruction that becomes active; with "" when none is any more.
    """

    def __init__(self, instruction: str, announce: Callable[[str], None]) -> None:
        self._lock = threading.Lock()
        self._instruction = instruction
        self._announce = announce
        self._prompt: Any | None = None
        self._named: dict[str, str] = {}
        self._enabled = True
        self._info: Any | None = None
        self._queue: JobQueue | None = None

    @property
    def queue(self) -> JobQueue | None:
        """Queue of this activation; None while the node is not active."""
        return self._queue

    def set_instruction(self, text: str) -> None:
        """Replace the instruction, and the prompt, by it; "" removes both."""
        with self._lock:
            self._instruction, self._prompt = text, None
            self._hand_over()

    def set_prompt(self, prompt: Any | None) -> bool:
        """Ask a UserPrompt in place of the instruction until that is set again; None removes it.

        Return False, and forget it, while the node is not active: later images may show something else there.
        """
        with self._lock:
            if self._queue is not None:
                self._prompt = prompt
                self._hand_over()
            return self._queue is not None

    def drop_prompt(self, prompt: Any) -> None:
        """Remove this prompt, unless there is another one by now."""
        with self._lock:
            if prompt is not None and prompt is self._prompt:
                self._prompt = None
                self._hand_over()

    @property
    def named(self) -> dict[str, str]:
        """Named instructions."""
        return dict(self._named)

    def set_named(self, name: str, text: str) -> None:
        """Add or replace a named instruction; "" removes it.

        Raises InvalidInputError for a name that cannot be used, and when there are MAX_NAMED.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError(f"{name!r} is no name; use up to 64 letters, digits, _ and -")
        with self._lock:
            named = {key: value for key, value in self._named.items() if key != name}
            if text and len(named) >= MAX_NAMED:
                raise InvalidInputError(f"there are {len(named)} named instructions; remove one first")
            self._named = named | ({name: text} if text else {})
            self._hand_over()

    def set_enabled(self, enabled: bool) -> None:
        """Stop or resume work on the stream."""
        with self._lock:
            self._enabled = enabled
            self._hand_over()

    def set_info(self, message: Any) -> None:
        """Replace the camera_info."""
        with self._lock:
            self._info = message
            self._hand_over()

    def activate(self, queue: JobQueue) -> None:
        """Fill this queue from now on."""
        with self._lock:
            self._queue = queue
            self._hand_over()

    def deactivate(self) -> JobQueue | None:
        """Detach the queue and return it; None if there was none."""
        with self._lock:
            queue, self._queue = self._queue, None
            self._prompt = None
            if queue is not None:
                self._announce("")
        return queue

    def _hand_over(self) -> None:
        if self._queue is None:
            return
        if self._info is not None:
            self._queue.store_info(self._info)
        self._queue.set_enabled(self._enabled)
        self._queue.set_named(tuple(self._named.items()))
        text = self._instruction if self._prompt is None else self._prompt.text
        if self._queue.set_instruction(text, self._prompt):
            self._announce(text)
