"""Threads by the load of other processes."""

import os

import pytest
import torch

from instructsam_ros.models.cpu import free_threads
from instructsam_ros.models.cpu.free_threads import TICKS, FreeThreads
from test.ros.clock import stopped_clock


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Four cores; ``machine(others)`` passes two seconds in which we use one and others that many."""
    clock = stopped_clock(monkeypatch, free_threads)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    own, busy, before = [0.0], [0.0], torch.get_num_threads()
    free_threads.time.process_time = lambda: own[0]
    stat = tmp_path / "stat"

    def passes(others):
        clock.now += 2.0
        own[0] += 2.0
        busy[0] += 2.0 + 2.0 * others
        ticks = round(busy[0] * TICKS)
        stat.write_text(f"cpu 1 2 3\ncpu0 {ticks} 0 0 900 90 0 0 0 0 0\ncpu9 {9 * ticks} 0 0 9 9 0 0 0 0 0\n")

    passes(0)
    torch.set_num_threads(4)
    passes.threads = FreeThreads(stat)
    yield passes
    torch.set_num_threads(before)


@pytest.mark.parametrize(("others", "threads"), [(0.0, 4), (0.3, 4), (0.7, 3), (2.0, 2), (4.0, 1), (9.0, 1)])
def test_torch_has_the_threads_that_others_leave(machine, others, threads):
    machine(others)
    machine.threads.apply()
    assert torch.get_num_threads() == threads
    machine(0.0)
    machine.threads.apply()
    assert torch.get_num_threads() == 4


def test_where_the_load_is_not_known_threads_stay(machine, tmp_path):
    free = FreeThreads(tmp_path / "nothing")
    machine(4.0)
    free.apply()
    assert torch.get_num_threads() == 4
