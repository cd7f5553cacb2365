"""Reservation of a ROS domain, for programs whose topics must not reach other programs."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

DOMAINS = 102  # higher numbers reach into the ports that Linux gives to outgoing connections
_held: list[int] = []


def reserve_domain() -> int:
    """Reserve a domain id that no other process of this machine has, until this process ends.

    Raises OSError when all are taken.
    """
    for attempt in range(DOMAINS):
        domain = (os.getpid() + attempt) % DOMAINS
        handle = _open(Path(tempfile.gettempdir(), f"instructsam_domain_{domain}.lock"))
        if handle is None:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        _held.append(handle)
        return domain
    raise OSError(f"all {DOMAINS} ROS domains are reserved; end some demos or test runs")


def _open(path: Path) -> int | None:
    """Open a file to lock; None for an unreadable one of another user."""
    try:
        # To read is enough for a lock. Linux refuses O_CREAT for what others own in /tmp (protected_regular).
        return os.open(path, os.O_RDONLY if path.exists() else os.O_RDONLY | os.O_CREAT, 0o666)
    except PermissionError:
        return None
