"""Inputs that persist across activations: the instruction and the latest camera_info."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from instructsam_ros.ros.input.job_queue import JobQueue


class PersistentInputs:
    """Instruction and camera_info, for the queue of this activation and of later ones.

    One lock keeps the order: inputs that arrive during activation reach the queue after those they replace.
    announce: called, in order, with each instruction that becomes active; with "" when none is any more.
    """

    def __init__(self, instruction: str, announce: Callable[[str], None]) -> None:
        self._lock = threading.Lock()
        self._instruction = instruction
        self._announce = announce
        self._info: Any | None = None
        self._queue: JobQueue | None = None

    @property
    def queue(self) -> JobQueue | None:
        """Queue of this activation; None while the node is not active."""
        return self._queue

    def set_instruction(self, text: str) -> None:
        """Replace the instruction; "" removes it."""
        with self._lock:
            self._instruction = text
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
            if queue is not None:
                self._announce("")
        return queue

    def _hand_over(self) -> None:
        if self._queue is None:
            return
        if self._info is not None:
            self._queue.store_info(self._info)
        if self._instruction and self._queue.set_instruction(self._instruction):
            self._announce(self._instruction)
