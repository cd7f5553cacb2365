"""Synthetic frames of the lifting benchmark."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.lifting import CAMERA, milliseconds, pixel_loop, rectangle, table_with, whole_image
from instructsam_ros.lifting import lift


def test_a_prism_has_its_height_above_the_table() -> None:
    frame, segmentation = table_with([(rectangle(240, 160, 150, 150), 0.1)])
    assert frame.depth is not None
    assert frame.depth.shape == (CAMERA.height, CAMERA.width)
    (lifted,) = lift(frame, segmentation).instances
    assert lifted.gravity_aligned
    assert min(lifted.box.size) == pytest.approx(0.1, abs=0.02)


def test_the_other_implementations_run_on_the_same_frame() -> None:
    frame, segmentation = table_with([(rectangle(290, 210, 20, 20), 0.05)])
    before = frame.depth.copy()
    whole_image(frame, segmentation)
    pixel_loop(frame, segmentation)
    assert np.array_equal(frame.depth, before)


def test_the_warm_up_is_not_measured() -> None:
    calls: list[None] = []
    milliseconds(lambda: calls.append(None), 3)
    assert len(calls) == 4
