"""How tensors on a CPU get their memory."""

from __future__ import annotations

import os


def use_huge_pages() -> None:
    """Ask torch for memory in pages of 2 MB, where Linux grants them (``madvise`` or ``always`` in
    /sys/kernel/mm/transparent_hugepage/enabled).

    glibc asks the system for every large tensor anew, and the system clears it page by page at first
    touch, with 4 KB a page. What that costs is in docs/speed.md. Holds for the whole
    process from its first CPU tensor on: torch reads the setting once. An own setting of the user stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
