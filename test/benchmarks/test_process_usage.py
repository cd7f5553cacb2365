"""Use of a process as /proc has it."""

import os

from benchmarks.process_usage import ProcessUsage


def test_this_process_uses_a_core_at_most_per_thread_and_some_memory():
    usage = ProcessUsage(os.getpid())
    sum(range(2_000_000))
    assert 0.0 <= usage.cores() <= os.cpu_count() + 1
    assert 5 < usage.memory_mib() < 100_000
    assert 0 < usage.shared_mib() < usage.memory_mib()
