"""Processes share the batches of every step, each batch once."""

from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.sampler import BatchRange


@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4))
def test_processes_take_every_batch_once(first: int, steps: int, processes: int) -> None:
    ranges = [BatchRange(first, first + steps, process, processes) for process in range(processes)]
    assert [len(batches) for batches in ranges] == [steps] * processes
    by_step = [batch for step in zip(*ranges, strict=True) for batch in step]
    assert by_step == list(range(first * processes, (first + steps) * processes))
