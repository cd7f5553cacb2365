"""Memory that the process has freed and the C library keeps."""

from __future__ import annotations

import ctypes


def give_back_memory() -> None:
    """Return freed memory to the system; takes milliseconds. Only glibc keeps so much, and has the call.

    Images go from the thread that received them through others, and glibc keeps what was freed for each
    thread apart: over the cycles of a node that is twice of what it needs.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
