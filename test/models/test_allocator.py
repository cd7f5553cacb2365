"""Large tensors come in large pages; in a process of its own, because torch reads the setting once."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, torch
import instructsam_ros.models.instructsam.backend

before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(2**24)  # 64 MB, 16384 pages of 4 KB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not SETTING.exists() or "[never]" in SETTING.read_text(), reason="this system grants no huge pages"
)
def test_a_large_tensor_takes_few_page_faults():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8000
