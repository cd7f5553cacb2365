"""Shades, handles and stalks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.scenes.assets.parts import PALETTE, handle, shade, stem


@given(st.sampled_from(sorted(PALETTE)), st.floats(0, 30), st.integers(0, 99))
@settings(max_examples=30)
def test_a_shade_is_within_its_jitter(name: str, jitter: float, seed: int) -> None:
    rgb = shade(np.random.default_rng(seed), name, jitter)
    assert (np.abs(rgb - PALETTE[name]) <= jitter + 1e-9).all()
    assert ((rgb >= 0) & (rgb <= 255)).all()


def test_silver_is_a_light_gray() -> None:
    red, green, blue = shade(np.random.default_rng(0), "silver")
    assert red == green == blue > 200


def test_a_handle_is_outside_the_vessel_and_a_stalk_on_top() -> None:
    bow = handle(0.04, 0.02, 0.08, 0.03, 0.005).vertices
    assert bow[:, 0].max() > 0.04 + 0.03 - 0.005
    assert bow[:, 2].min() < 0.03 < 0.07 < bow[:, 2].max()
    assert stem(0.06).mesh.vertices[:, 2].max() > 0.06
