"""Processes share the batches of every step, each batch once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.sampler import BatchRange, LengthGroups


@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4))
def test_processes_take_every_batch_once(first: int, steps: int, processes: int) -> None:
    ranges = [BatchRange(first, first + steps, processes, process, processes) for process in range(processes)]
    assert [len(batches) for batches in ranges] == [steps] * processes
    by_step = [batch for step in zip(*ranges, strict=True) for batch in step]
    assert by_step == list(range(first * processes, (first + steps) * processes))


@given(st.integers(1, 4), st.integers(1, 6), st.lists(st.integers(0, 9), min_size=24, max_size=24))
def test_windows_take_every_position_once_and_sorted(size: int, window: int, lengths: list[int]) -> None:
    groups = LengthGroups(lambda position: lengths[position % 24], size, seed=3, window=window)
    for number in (0, 2):
        batches = [groups(number * window + place) for place in range(window)]
        first = number * window * size
        assert sorted(p for batch in batches for p in batch) == list(range(first, first + window * size))
        ranges = sorted((min(of), max(of)) for of in ([lengths[p % 24] for p in b] for b in batches))
        assert all(left[1] <= right[0] for left, right in pairwise(ranges))
        assert LengthGroups(groups.length, size, 3, window)(number * window) == batches[0]
