from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.depth import decode_depth, share_outside, to_metres, within_range

SIZES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)


def packed(depth: np.ndarray, big: bool, padding: int) -> dict:
    """The fields of an Image message that holds ``depth``, with rows longer than their pixels."""
    rows = depth.astype(depth.dtype.newbyteorder(">" if big else "<"))
    rows = np.ascontiguousarray(rows).view(np.uint8).reshape(len(depth), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return {
        "data": rows.tobytes(),
        "encoding": "16UC1" if depth.dtype.kind == "u" else "32FC1",
        "height": depth.shape[0],
        "width": depth.shape[1],
        "step": rows.shape[1],
        "is_bigendian": big,
    }


@given(hnp.arrays(np.uint16, SIZES), st.booleans(), st.integers(0, 5))
def test_millimetres_of_any_layout_become_metres(depth, big, padding):
    metres = decode_depth(**packed(depth, big, padding))
    assert metres.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(metres), depth == 0)
    np.testing.assert_allclose(metres[depth > 0], depth[depth > 0] / 1000, rtol=1e-6)


@given(hnp.arrays(np.float32, SIZES), st.booleans(), st.integers(0, 5))
def test_metres_of_any_layout_stay_metres(depth, big, padding):
    metres = decode_depth(**packed(depth, big, padding))
    valid = np.isfinite(depth) & (depth > 0)
    np.testing.assert_array_equal(metres[valid], depth[valid])
    assert np.isnan(metres[~valid]).all()


def test_mono16_is_millimetres_and_the_result_is_writable():
    data = np.array([[1500]], np.uint16).tobytes()
    metres = decode_depth(data, encoding="mono16", height=1, width=1, step=2)
    assert metres[0, 0] == pytest.approx(1.5)
    metres[0, 0] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "rgb8"}, "16UC1"),
        ({"step": 7}, "step"),
        ({"data": b"\0" * 15}, "15 bytes"),
        ({"height": 0}, "empty"),
        ({"width": -4}, "empty"),
    ],
)
def test_unusable_buffers_are_named(change, message):
    good = {"data": b"\0" * 16, "encoding": "16UC1", "height": 2, "width": 4, "step": 8}
    assert np.isnan(decode_depth(**good)).all()
    with pytest.raises(InvalidInputError, match=message):
        decode_depth(**good | change)


def test_doubles_beyond_single_precision_are_invalid():
    metres = to_metres(np.array([[1.5, 1e300]]))
    assert metres[0, 0] == 1.5
    assert np.isnan(metres[0, 1])


@pytest.mark.parametrize("depth", [np.zeros((2, 2), np.int64), np.zeros((2, 2, 1), np.uint16)])
def test_other_arrays_are_refused(depth):
    with pytest.raises(InvalidInputError):
        to_metres(depth)


def test_range_is_inclusive_and_leaves_its_input_alone():
    depth = np.array([[0.1, 0.2, 1.0, 1.1, np.nan, np.inf]], np.float32)
    kept = within_range(depth, 0.2, 1.0)
    np.testing.assert_array_equal(np.isfinite(kept), [[False, True, True, False, False, False]])
    assert depth[0, 3] == np.float32(1.1)


@pytest.mark.parametrize(
    ("depth", "scale", "metres"),
    [
        (np.array([[0, 5000]], np.uint16), 0.0001, [[np.nan, 0.5]]),
        (np.array([[0, 50]], np.uint16), 0.01, [[np.nan, 0.5]]),
        (np.array([[0, 500]], np.float32), 0.001, [[np.nan, 0.5]]),
        (np.array([[0, 0.5]], np.float32), 0.0, [[np.nan, 0.5]]),
    ],
)
def test_a_scale_gives_metres_of_any_unit(depth, scale, metres):
    np.testing.assert_allclose(to_metres(depth, scale), metres, rtol=1e-6)
    np.testing.assert_allclose(decode_depth(**packed(depth, False, 3), scale=scale), metres, rtol=1e-6)


def test_the_share_of_readings_outside_the_limits():
    depth = np.full((8, 16), 5.0, np.float32)
    depth[:, 4:8], depth[:, 8:12] = np.nan, 50.0
    assert share_outside(depth, 0.1, 10.0) == pytest.approx(1 / 3)
    assert share_outside(np.full((8, 8), np.nan, np.float32), 0.1, 10.0) == 0
