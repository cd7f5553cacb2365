"""Nodes of this package as child processes that end with their context manager."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from instructsam_ros.errors import InstructSamError

STOP_SECONDS = 5.0
LOG_LINES = 15


class NodeProcess:
    """``python -m MODULE`` with ROS parameters; its output goes to a log file. A context manager."""

    def __init__(self, module: str, parameters: Mapping[str, Any], log: Path) -> None:
        command = [sys.executable, "-m", module]
        if parameters:
            command.append("--ros-args")
        for name, value in parameters.items():
            command += ["-p", f"{name}:={json.dumps(value)}"]  # JSON is YAML: types and quotes stay
        self.name = module.rpartition(".")[2]
        self.log = log
        with log.open("wb") as output:
            # A session of its own: Ctrl-C in the terminal goes to the parent alone, which stops it.
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise InstructSamError with the end of the log if the process has ended."""
        status = self._process.poll()
        if status is not None:
            raise InstructSamError(f"{self.name} ended with status {status}\n{self.tail()}")

    def tail(self) -> str:
        """Return the path of the log and its last lines."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:] or ["(nothing was printed)"]
        return "\n  ".join([f"{self.log} ends with", *lines])

    def kill(self) -> None:
        """End the process as a crash does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process, by force if it ignores the signal."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
