"""Errors and times of the attention benchmark."""

from __future__ import annotations

import pytest
import torch

from benchmarks.bfloat16_attention import error, fastest


def test_the_error_is_relative() -> None:
    exact = torch.tensor([3.0, 4.0])
    assert error(exact, exact) == 0
    assert error(exact * 1.01, exact) == pytest.approx(1, rel=1e-4)
    assert error((exact * 1000).mul(1.01), exact * 1000) == pytest.approx(1, rel=1e-4)


def test_the_warm_up_is_not_measured() -> None:
    calls: list[None] = []

    def compute() -> torch.Tensor:
        calls.append(None)
        return torch.zeros(1)

    fastest(compute, 3)
    assert len(calls) == 4
