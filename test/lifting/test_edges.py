from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.lifting.edges import flying_pixels, trim_rim

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_the_ramp_between_object_and_background_flies(width, turned):
    row = np.concatenate([np.full(6, 0.5), np.linspace(0.5, 1.0, width + 2)[1:-1], np.full(6, 1.0)])
    depth = np.tile(row, (8, 1)).astype(np.float32)
    flying = flying_pixels(depth.T if turned else depth, 0.02)
    expected = np.zeros(depth.shape, bool)
    expected[:, 6 : 6 + width] = True
    np.testing.assert_array_equal(flying, expected.T if turned else expected)


def test_a_sharp_step_and_a_slope_do_not_fly():
    step = np.tile(np.repeat([0.5, 1.0], 6), (8, 1)).astype(np.float32)
    slope = np.tile(0.5 * 1.015 ** np.arange(12), (8, 1)).astype(np.float32)
    assert not flying_pixels(step, 0.02).any()
    assert not flying_pixels(slope, 0.02).any()


def test_a_wire_stays_and_a_speck_goes():
    depth = np.full((9, 9), 1.0, np.float32)
    depth[:, 4] = 0.5
    assert not flying_pixels(depth, 0.02).any()
    depth[:, 4] = 1.0
    depth[4, 4] = 0.5
    np.testing.assert_array_equal(np.argwhere(flying_pixels(depth, 0.02)), [[4, 4]])


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)))
def test_only_readings_can_fly(depth):
    with np.errstate(all="ignore"):
        assert not (flying_pixels(depth, 0.02) & ~np.isfinite(depth)).any()


@given(MASKS, st.integers(0, 5))
def test_trimming_takes_away_and_never_all(mask, pixels):
    trimmed = trim_rim(mask, pixels)
    assert not (trimmed & ~mask).any()
    assert trimmed.any() == mask.any()


@given(MASKS, st.integers(1, 3))
def test_every_part_of_a_mask_keeps_something(mask, pixels):
    trimmed = trim_rim(mask, pixels)
    reach = 3 * pixels + 1
    for y, x in np.argwhere(mask):
        around = trimmed[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        assert around.any()


def test_a_thick_mask_loses_exactly_its_rim():
    mask = np.zeros((20, 20), bool)
    mask[3:17, 3:17] = True
    expected = np.zeros_like(mask)
    expected[5:15, 5:15] = True
    np.testing.assert_array_equal(trim_rim(mask, 2), expected)


def test_a_fork_keeps_its_tines():
    fork = np.zeros((40, 24), bool)
    fork[20:38, 4:20] = True
    for column in (4, 8, 12, 16):
        fork[2:20, column : column + 3] = True
    trimmed = trim_rim(fork, 2)
    for column in (4, 8, 12, 16):
        assert trimmed[4:18, column + 1].all()
    assert not trimmed[30, 4:6].any()


def test_the_image_border_is_no_rim():
    mask = np.ones((10, 10), bool)
    mask[:, 8:] = False
    assert trim_rim(mask, 2)[:, :6].all()
