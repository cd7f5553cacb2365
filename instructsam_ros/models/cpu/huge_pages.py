"""Memory of tensors on a CPU in pages of 2 MB; the setting holds for the whole process."""

from __future__ import annotations

import os


def use_huge_pages() -> None:
    """Configure torch to use pages of 2 MB, where Linux grants them (``madvise`` or ``always`` in
    /sys/kernel/mm/transparent_hugepage/enabled).

    Only before the first CPU tensor of a process: torch reads the setting once. A value set by the user is
    kept.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
