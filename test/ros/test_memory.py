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


POOLS_OF_THREADS = """
import threading
from pathlib import Path
from instructsam_ros.ros.memory import share_freed_memory

if {share}:
    share_freed_memory()
used, end = threading.Barrier(5), threading.Event()


def use_memory():
    blocks = [bytes(10_000) for _ in range(100)]
    used.wait()
    end.wait()


for _ in range(4):
    threading.Thread(target=use_memory).start()
used.wait()
ranges = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
print(sum(int(start, 16) % 2**26 == 0 for start, _ in ranges))
end.set()
"""
glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="others keep less, and have no such calls"
)


@glibc
def test_what_glibc_keeps_of_freed_blocks_is_returned():
    done = subprocess.run([sys.executable, "-c", KEPT_BY_GLIBC], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 100


@glibc
def test_threads_share_a_pool():
    """Each further pool of glibc begins at a multiple of 64 MiB."""
    pools = {}
    for share in (True, False):
        program = POOLS_OF_THREADS.format(share=share)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        pools[share] = int(done.stdout)
    assert pools[True] <= pools[False] - 4
