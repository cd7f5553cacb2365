"""Alternation of the compact benchmark, and its plain procedure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.compact_latency import INSTRUCTIONS, WARM_UP, images, plain, rates
from instructsam_ros.backends.instructsam import load


def test_all_ways_alternate_at_every_frame() -> None:
    calls: list[tuple[str, int]] = []
    ways = {name: lambda number, name=name: calls.append((name, number)) for name in ("a", "b")}
    found = rates(ways, 3)
    assert found.keys() == ways.keys()
    assert all(rate > 0 for rate in found.values())
    numbers = range(3 + WARM_UP)
    assert calls == [(name, number) for number in numbers for name in "ab" for _ in range(2)]


def test_images_repeat() -> None:
    found = images(8)
    assert len(found) == 8
    assert np.array_equal(found[0], found[6])
    assert not np.array_equal(found[0], found[1])


def test_the_plain_procedure_finds_as_many_instances() -> None:
    torch.set_num_threads(1)
    segmenter = load("compact", "cpu", dtype="float32")
    (image,) = images(1)
    expected = len(segmenter.segment_image(image, INSTRUCTIONS[0]).instances)
    assert plain(segmenter, image, INSTRUCTIONS[0]) == pytest.approx(expected, abs=0)
    assert expected > 0
