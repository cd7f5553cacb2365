"""Resizing of feature maps."""

from __future__ import annotations

import pytest
import torch

from instructsam_ros.models.instructsam.compact.resampling import resize_like


@pytest.mark.parametrize("size", [(4, 6), (1, 1), (3, 5)])
def test_a_linear_ramp_keeps_its_mean_at_any_size(size: tuple[int, int]) -> None:
    ramp = torch.arange(6.0).expand(1, 2, 2, 6)
    resized = resize_like(ramp, torch.zeros(1, 7, *size))
    assert resized.shape == (1, 2, *size)
    assert float(resized.mean()) == pytest.approx(2.5, abs=1e-5)
