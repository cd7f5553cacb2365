from __future__ import annotations

import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import to_metres
from instructsam_ros.ros.conversions import depth_from_compressed, rgb_from_compressed
from test.ros.conversions.messages import SIZES


def compressed(array, suffix, text, prefix=b""):
    return SimpleNamespace(format=text, data=prefix + cv2.imencode(suffix, array)[1].tobytes())


def test_compressed_colour_is_rgb():
    bgr = np.zeros((16, 16, 3), np.uint8)
    bgr[:] = (10, 20, 250)
    png = rgb_from_compressed(compressed(bgr, ".png", "rgb8; png compressed bgr8"))
    np.testing.assert_array_equal(png, bgr[..., ::-1])
    jpeg = rgb_from_compressed(compressed(bgr, ".jpg", "jpeg"))
    np.testing.assert_allclose(jpeg.astype(int), bgr[..., ::-1].astype(int), atol=6)


@given(arrays(np.uint16, SIZES))
def test_compressed_depth_in_millimetres_is_exact(depth):
    header = struct.pack("<iff", 0, 0.0, 0.0)
    for text, prefix in (("16UC1; png compressed ", b""), ("16UC1; compressedDepth png", header)):
        np.testing.assert_array_equal(
            depth_from_compressed(compressed(depth, ".png", text, prefix)), to_metres(depth)
        )


def test_compressed_inverse_depth():
    quant_a, quant_b = 100.0 * 101.0, 1.0 - 101.0 * 100.0 / 10.0
    metres = np.array([[0.5, 1.0, 4.0]], np.float32)
    inverse = np.round(quant_a / metres + quant_b).astype(np.uint16)
    inverse[0, 2] = 0
    message = compressed(
        inverse, ".png", "32FC1; compressedDepth png", struct.pack("<iff", 0, quant_a, quant_b)
    )
    np.testing.assert_allclose(depth_from_compressed(message), [[0.5, 1.0, np.nan]], rtol=1e-3)


def test_compressed_data_that_cannot_be_depth_or_decoded_is_refused():
    grey = np.zeros((8, 8), np.uint8)
    with pytest.raises(InvalidInputError, match="JPEG"):
        depth_from_compressed(compressed(grey, ".jpg", "16UC1; jpeg compressed"))
    with pytest.raises(InvalidInputError, match="decoded"):
        rgb_from_compressed(SimpleNamespace(format="jpeg", data=b"not a picture"))
    png = bytearray(compressed(grey, ".png", "").data)
    png[16:24] = struct.pack(">II", 1_000_000, 1_000_000)  # the size that its header claims
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    with pytest.raises(InvalidInputError, match="cannot be decoded"):
        rgb_from_compressed(SimpleNamespace(format="png", data=bytes(png)))
    with pytest.raises(InvalidInputError, match="empty"):
        depth_from_compressed(SimpleNamespace(format="16UC1; compressedDepth png", data=b"short"))
