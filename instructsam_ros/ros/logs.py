"""Logging to a node's logger and so to /rosout: the package's records, and errors at a limited rate."""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Any

from instructsam_ros.ros.errors import InvalidInstructionError

LONGEST = 500
"""Maximum number of characters of a message, which may repeat a long instruction."""


class NodeHandler(logging.Handler):
    """Handler that passes the package's records to the logger of a node."""

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


class ErrorLog:
    """Logger of a node's errors, each at most once in ``seconds``. Thread-safe.

    Errors that differ in numbers only count as the same, or a bad camera would be logged with every
    frame. For refused instructions numbers count: each of them was sent on purpose.
    """

    def __init__(self, logger: Any, seconds: float) -> None:
        self._logger = logger
        self._seconds = seconds
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}

    def log(self, error: Exception) -> None:
        """Log it, unless the same was logged a moment ago."""
        text = f"{type(error).__name__}: {error}"
        kind = text if isinstance(error, InvalidInstructionError) else re.sub(r"\d+", "", text)
        with self._lock:
            now = time.monotonic()
            self._logged_at = {
                logged: at for logged, at in self._logged_at.items() if now - at < self._seconds
            }
            fresh = kind not in self._logged_at
            if fresh:
                self._logged_at[kind] = now
        if fresh:
            self._logger.error(text)
