"""Memory that the process has freed and the C library keeps.

Images go from the thread that received them through others, and glibc keeps what was freed in a pool
for each thread: over the cycles of a node that is twice what it needs. Other C libraries do not, and lack
these calls.
"""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
"""The option of mallopt for the maximum number of pools (malloc.h)."""


def share_freed_memory() -> None:
    """Let all threads that start from now on take memory from one pool."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return freed memory to the system; takes milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
