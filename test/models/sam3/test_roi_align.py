"""ROI align against the definition, sample by sample."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.models.sam3.roi_align import roi_align


def sample(plane: np.ndarray, y: float, x: float) -> float:
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = plane[top, left] * (1 - across) + plane[top, right] * across
    lower = plane[bottom, left] * (1 - across) + plane[bottom, right] * across
    return upper * (1 - down) + lower * down


def pooled(plane: np.ndarray, box: list[float], size: int) -> np.ndarray:
    x0, y0, x1, y1 = box
    width, height = max(x1 - x0, 1), max(y1 - y0, 1)
    columns, rows = math.ceil(width / size), math.ceil(height / size)
    return np.array(
        [
            [
                np.mean(
                    [
                        sample(
                            plane,
                            y0 + height / size * (i + (a + 0.5) / rows),
                            x0 + width / size * (j + (b + 0.5) / columns),
                        )
                        for a in range(rows)
                        for b in range(columns)
                    ]
                )
                for j in range(size)
            ]
            for i in range(size)
        ]
    )


corner = st.floats(-3, 12, width=32)


@given(corner, corner, st.floats(0, 10, width=32), st.floats(0, 10, width=32))
def test_pools_as_defined(x, y, width, height):
    plane = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    box = [x, y, x + width, y + height]
    ours = roi_align(torch.from_numpy(plane)[None], torch.tensor([box]), 3)
    np.testing.assert_allclose(ours[0, 0].numpy(), pooled(plane, box, 3), atol=2e-3)


def test_no_boxes_make_no_rows_and_the_type_stays():
    features = torch.ones(4, 6, 6, dtype=torch.bfloat16)
    assert roi_align(features, torch.zeros(0, 4), 7).shape == (0, 4, 7, 7)
    result = roi_align(features, torch.tensor([[1.0, 1.0, 4.0, 5.0]]), 7)
    assert result.dtype == torch.bfloat16
    assert (result == 1).all()
