"""Large tensors come in large pages; in processes of their own, because the setting is of a whole process."""

from __future__ import annotations

import os
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
SETTINGS = ("MALLOC_", "GLIBC_TUNABLES", "THP_")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


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


def test_a_setting_of_the_user_stays() -> None:
    assert page_faults(HUGE, THP_MEM_ALLOC_ENABLE="0") > 16000
