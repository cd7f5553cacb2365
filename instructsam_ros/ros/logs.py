"""What goes to a node's logger and so to /rosout: what the package logs, and how often failures are told."""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Any

from instructsam_ros.ros.errors import InvalidInstructionError

LONGEST = 500
"""Characters of a message; an instruction that it repeats may be long."""


class NodeHandler(logging.Handler):
    """Hands the package's records on to the logger of a node."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record, shortened."""
        text = record.getMessage()
        if len(text) > LONGEST:
            text = f"{text[: LONGEST - 3]}..."
        # A call each: rclpy refuses another severity from the same place.
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)


class FailureLog:
    """Tells failures to a node's logger, each at most once in ``seconds``. Safe from any thread.

    One with other numbers in it is the same, or a camera would be complained of with every frame; but
    every instruction that is refused was somebody's wish, so there numbers count.
    """

    def __init__(self, logger: Any, seconds: float) -> None:
        self._logger = logger
        self._seconds = seconds
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def tell(self, error: Exception) -> None:
        """Log it, unless the same was logged a moment ago."""
        text = f"{type(error).__name__}: {error}"
        kind = text if isinstance(error, InvalidInstructionError) else re.sub(r"\d+", "", text)
        with self._lock:
            now = time.monotonic()
            self._told = {told: at for told, at in self._told.items() if now - at < self._seconds}
            fresh = kind not in self._told
            if fresh:
                self._told[kind] = now
        if fresh:
            self._logger.error(text)
