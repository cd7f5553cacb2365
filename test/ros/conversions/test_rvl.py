from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions.rvl import decode_rvl
from test.ros.conversions.messages import SIZES


def encode_rvl(depth: np.ndarray) -> bytes:
    """Encode uint16 [H, W] as the paper does, a nibble at a time."""
    nibbles: list[int] = []

    def write(number: int) -> None:
        while True:
            rest = number >> 3
            nibbles.append(number & 7 | (8 if rest else 0))
            if not rest:
                return
            number = rest

    values, at, previous = depth.ravel().tolist(), 0, 0
    while at < len(values):
        zeros = at
        while zeros < len(values) and values[zeros] == 0:
            zeros += 1
        end = zeros
        while end < len(values) and values[end] != 0:
            end += 1
        write(zeros - at)
        write(end - zeros)
        for value in values[zeros:end]:
            difference = value - previous
            write(difference << 1 if difference >= 0 else (-difference << 1) - 1)
            previous = value
        at = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        sum(nibble << 28 - 4 * place for place, nibble in enumerate(nibbles[i : i + 8]))
        for i in range(0, len(nibbles), 8)
    ]
    return struct.pack(f"<II{len(words)}I", depth.shape[1], depth.shape[0], *words)


@given(arrays(np.uint16, SIZES, elements=st.sampled_from([0, 0, 1, 7, 8, 500, 65535])))
def test_every_image_is_decoded_exactly(depth):
    np.testing.assert_array_equal(decode_rvl(encode_rvl(depth)), depth)


def test_a_code_written_by_hand():
    """One zero, two readings 1000 and 998: numbers 1, 2, 2000 (nibbles 8 10 15 3 with their marks) and 3."""
    word = 0x1 << 28 | 0x2 << 24 | 0x8 << 20 | 0xA << 16 | 0xF << 12 | 0x3 << 8 | 0x3 << 4
    np.testing.assert_array_equal(decode_rvl(struct.pack("<III", 3, 1, word)), [[0, 1000, 998]])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"short", "no size"),
        (struct.pack("<II", 0, 4), "claims 0x4"),
        (struct.pack("<II", 1 << 20, 1 << 20), "claims"),
        (struct.pack("<II", 4, 4), "cut off"),
        (encode_rvl(np.full((8, 8), 500, np.uint16))[:-8], "cut off"),
        (struct.pack("<II4I", 4, 4, *[0xFFFFFFFF] * 3, 0), "too long"),
    ],
)
def test_damaged_data_is_refused(data, said):
    with pytest.raises(InvalidInputError, match=said):
        decode_rvl(data)
