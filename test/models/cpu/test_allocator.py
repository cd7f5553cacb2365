"""Large tensors come in large pages, and what they leave is used again; in processes of their own, because
both settings are of a whole process.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
"""
HUGE = """
import torch
import instructsam_ros.backends.instructsam

before = faults()
torch.ones(2**24)  # 64 MB, 16384 pages of 4 KB
print(faults() - before)
"""
KEPT = """
import torch
from instructsam_ros.models.cpu.allocator import keep_freed_memory

keep_freed_memory()
for turn in range(20):
    if turn == 10:  # glibc needs a few to find an order
        before = faults()
    numbers = torch.ones(2**22), torch.ones(2**22)  # 16 MB each, 4096 pages
    del numbers
print(faults() - before)
"""
SETTINGS = ("MALLOC_", "GLIBC_TUNABLES", "THP_")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")


def page_faults(program: str, **environment: str) -> int:
    """What ``program`` prints, with no settings about memory but those in ``environment``."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    command = [sys.executable, "-c", FAULTS + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=others | environment)
    return int(done.stdout)


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(), reason="this system grants no huge pages"
)
def test_a_large_tensor_takes_few_page_faults() -> None:
    assert page_faults(HUGE) < 8000


@glibc
def test_memory_of_freed_tensors_is_used_again() -> None:
    assert page_faults(KEPT, THP_MEM_ALLOC_ENABLE="0") < 2000


@glibc
@pytest.mark.parametrize(
    "own", [{"MALLOC_TRIM_THRESHOLD_": "0"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=0"}], ids=str
)
def test_settings_of_the_user_stay(own: dict[str, str]) -> None:
    assert page_faults(KEPT, THP_MEM_ALLOC_ENABLE="0", **own) > 20000
