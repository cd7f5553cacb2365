"""How tensors on a CPU get their memory; both settings hold for the whole process.

glibc gives large memory back to the system as soon as it is free, and asks for it anew at the next tensor;
the system clears it page by page at first touch. What that costs is in docs/speed.md.
"""

from __future__ import annotations

import ctypes
import os
import platform

# Names of glibc's mallopt, from malloc.h, and values for it.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**30
"""So much free memory, in bytes, is kept at most."""
_LARGEST_MMAP_THRESHOLD = 2**25
"""glibc takes no more; what is larger comes from the system every time."""


def use_huge_pages() -> None:
    """Ask torch for memory in pages of 2 MB, where Linux grants them (``madvise`` or ``always`` in
    /sys/kernel/mm/transparent_hugepage/enabled).

    Only before the first CPU tensor of a process: torch reads the setting once. An own setting of the user
    stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def keep_freed_memory() -> None:
    """Have glibc keep the memory of freed tensors for the next ones. Does nothing with another C library, or
    where the user has settings of his own for this (see mallopt(3)).
    """
    own = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_"} & os.environ.keys()
    if own or "malloc" in os.environ.get("GLIBC_TUNABLES", "") or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    libc.mallopt(_TRIM_THRESHOLD, _KEPT)
