"""What outlives an activation: the standing instruction and the latest camera_info."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from instructsam_ros.ros.input.job_queue import Inbox


class Standing:
    """Hands the instruction and the camera_info to the inbox of this activation, and to that of the next.

    Under one lock: what comes while the node activates reaches the inbox, and after what it replaces.
    announce: told, in order, of each instruction that begins to be answered; "" when none is any more.
    """

    def __init__(self, instruction: str, announce: Callable[[str], None]) -> None:
        self._lock = threading.Lock()
        self._instruction = instruction
        self._announce = announce
        self._info: Any | None = None
        self._inbox: Inbox | None = None

    @property
    def inbox(self) -> Inbox | None:
        """The inbox of this activation; None while the node is not active."""
        return self._inbox

    def set_instruction(self, text: str) -> None:
        """Replace the instruction; "" leaves the next activation without one."""
        with self._lock:
            self._instruction = text
            self._hand_over()

    def set_info(self, message: Any) -> None:
        """Replace the camera_info."""
        with self._lock:
            self._info = message
            self._hand_over()

    def activate(self, inbox: Inbox) -> None:
        """Fill this inbox from now on."""
        with self._lock:
            self._inbox = inbox
            self._hand_over()

    def deactivate(self) -> Inbox | None:
        """Let go of the inbox and return it; None if there was none."""
        with self._lock:
            inbox, self._inbox = self._inbox, None
            if inbox is not None:
                self._announce("")
        return inbox

    def _hand_over(self) -> None:
        if self._inbox is None:
            return
        if self._info is not None:
            self._inbox.store_info(self._info)
        if self._instruction and self._inbox.set_instruction(self._instruction):
            self._announce(self._instruction)
