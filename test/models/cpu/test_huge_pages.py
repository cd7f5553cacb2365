"""Page faults of large tensors, in processes of their own: torch reads the setting once per process."""

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
import instructsam_ros.models.cpu
import torch

before = faults()
torch.ones(2**24)  # 64 MB, 16384 pages of 4 KB
print(faults() - before)
"""
SETTINGS = ("MALLOC_", "GLIBC_TUNABLES", "THP_")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def page_faults(program: str, **environment: str) -> int:
    """Run a program that prints a number, with no settings about memory but those in ``environment``."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    command = [sys.executable, "-c", FAULTS + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=others | environment)
    return int(done.stdout)


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(), reason="this system grants no huge pages"
)
def test_a_large_tensor_takes_few_page_faults() -> None:
    # At some moments the system has no huge page free.
    assert any(page_faults(HUGE) < 8000 for _ in range(5))


def test_an_environment_variable_of_the_user_is_kept() -> None:
    assert page_faults(HUGE, THP_MEM_ALLOC_ENABLE="0") > 16000
