"""Annotations: camera geometry and visible pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.annotations import intrinsics, optical_axes, seen_part
from instructsam_ros.scenes.sampling.scene import CameraPose
from instructsam_ros.types import tight_box


@given(st.floats(20, 100), st.integers(32, 640), st.integers(32, 480))
def test_the_field_of_view_spans_the_height_of_the_image(fovy: float, width: int, height: int) -> None:
    camera = intrinsics(fovy, width, height)
    top, bottom = (abs(edge - camera["cy"]) / camera["fy"] for edge in (-0.5, height - 0.5))
    assert np.degrees(np.arctan(top) + np.arctan(bottom)) == pytest.approx(fovy)
    assert camera["cx"] == (width - 1) / 2


def test_optical_axes_are_right_down_forward() -> None:
    level = CameraPose(np.array([0.0, -1.0, 0.0]), np.zeros(3), 45.0)
    np.testing.assert_allclose(optical_axes(level).T, [(1, 0, 0), (0, 0, -1), (0, 1, 0)], atol=1e-12)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_visible_pixels_have_a_half_open_box_with_the_centroid_inside(mask) -> None:
    found = seen_part(mask)
    assert found["pixels"] == mask.sum()
    if not mask.any():
        assert found["bbox"] is found["centroid"] is None
        return
    assert found["bbox"] == tight_box(mask).astype(int).tolist()
    (x0, y0, x1, y1), (x, y) = found["bbox"], found["centroid"]
    assert x0 <= x <= x1 - 1
    assert y0 <= y <= y1 - 1
