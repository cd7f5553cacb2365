"""Freed memory goes back to the system."""

import platform
import subprocess
import sys

import pytest

KEPT_BY_GLIBC = """
from instructsam_ros.ros.diagnostics import memory_mib
from instructsam_ros.ros.memory import give_back_memory

blocks = [bytes(100_000) for _ in range(2000)]  # each below what glibc asks the system for apart
blocks = blocks[1990:]  # the last ones hold the heap
before = memory_mib()
give_back_memory()
print(before - memory_mib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep less, and have no call for it")
def test_what_glibc_keeps_of_freed_blocks_is_returned():
    done = subprocess.run([sys.executable, "-c", KEPT_BY_GLIBC], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 100
