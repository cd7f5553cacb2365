"""What the package logs through ``logging``, sent to a node's logger and so to /rosout."""

from __future__ import annotations

import logging
from typing import Any

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
