"""Processor time and memory of another process, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path


class ProcessUsage:
    """Use of a process since this object was made. pid: of a process that runs."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._start = time.monotonic(), self._seconds()

    def cores(self) -> float:
        """Return how many cores the process has used on average."""
        began, before = self._start
        return (self._seconds() - before) / (time.monotonic() - began)

    def memory_mib(self) -> float:
        """Return the memory that it has in use, MiB."""
        pages = int((self._folder / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def shared_mib(self) -> float:
        """Return how much of that is shared with other processes, files and messages, MiB."""
        pages = int((self._folder / "statm").read_text().split()[2])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _seconds(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system
