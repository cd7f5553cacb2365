from __future__ import annotations

import struct
import zlib
from io import BytesIO
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import to_metres
from instructsam_ros.ros.conversions import depth_from_compressed, rgb_from_compressed
from test.ros.conversions.messages import SIZES
from test.ros.conversions.test_rvl import encode_rvl


def compressed(array, suffix, text, prefix=b""):
    return SimpleNamespace(format=text, data=prefix + cv2.imencode(suffix, array)[1].tobytes())


def test_compressed_colour_is_rgb():
    bgr = np.zeros((16, 16, 3), np.uint8)
    bgr[:] = (10, 20, 250)
    png = rgb_from_compressed(compressed(bgr, ".png", "rgb8; png compressed bgr8"))
    np.testing.assert_array_equal(png, bgr[..., ::-1])
    jpeg = rgb_from_compressed(compressed(bgr, ".jpg", "jpeg"))
    np.testing.assert_allclose(jpeg.astype(int), bgr[..., ::-1].astype(int), atol=6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_camera_images_are_read_as_stored_whatever_exif_says(kind, orientation):
    rgb = np.zeros((16, 32, 3), np.uint8)
    rgb[:, 16:] = (250, 20, 10)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = BytesIO()
    Image.fromarray(rgb).save(file, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    read = rgb_from_compressed(SimpleNamespace(format=kind.lower(), data=file.getvalue()))
    assert read.shape == rgb.shape
    np.testing.assert_allclose(read[:, :8].astype(int), rgb[:, :8].astype(int), atol=12)
    np.testing.assert_allclose(read[:, -8:].astype(int), rgb[:, -8:].astype(int), atol=12)


def test_grey_transparent_and_16_bit_pictures_are_colours():
    grey = np.full((8, 8), 90, np.uint8)
    for array in (grey, grey.astype(np.uint16) << 8):
        assert (rgb_from_compressed(compressed(array, ".png", "mono; png compressed")) == 90).all()
    hidden = np.dstack([grey, grey, grey, np.zeros_like(grey)])
    hidden[0, 0, 3] = 255
    read = rgb_from_compressed(compressed(hidden, ".png", "bgra8; png compressed"))
    assert read[0, 0].tolist() == [90, 90, 90]
    assert (read.reshape(-1, 3)[1:] == 255).all()


@given(arrays(np.uint16, SIZES))
def test_compressed_depth_in_millimetres_is_exact(depth):
    header = struct.pack("<iff", 0, 0.0, 0.0)
    for text, prefix in (
        ("16UC1; png compressed ", b""),
        ("16UC1; compressedDepth png", header),
        ("16UC1; compressedDepth", header),
        ("16UC1; compressedDepth png", b""),
    ):
        np.testing.assert_array_equal(
            depth_from_compressed(compressed(depth, ".png", text, prefix)), to_metres(depth)
        )


@given(arrays(np.uint16, SIZES))
def test_depth_in_rvl_is_exact(depth):
    data = struct.pack("<iff", 0, 0.0, 0.0) + encode_rvl(depth)
    message = SimpleNamespace(format="16UC1; compressedDepth rvl", data=data)
    np.testing.assert_array_equal(depth_from_compressed(message), to_metres(depth))
    np.testing.assert_array_equal(depth_from_compressed(message, 0.0001), to_metres(depth, 0.0001))


def test_compressed_inverse_depth():
    quant_a, quant_b = 100.0 * 101.0, 1.0 - 101.0 * 100.0 / 10.0
    metres = np.array([[0.5, 1.0, 4.0]], np.float32)
    inverse = np.round(quant_a / metres + quant_b).astype(np.uint16)
    inverse[0, 2] = 0
    message = compressed(
        inverse, ".png", "32FC1; compressedDepth png", struct.pack("<iff", 0, quant_a, quant_b)
    )
    np.testing.assert_allclose(depth_from_compressed(message), [[0.5, 1.0, np.nan]], rtol=1e-3)
    message.format, message.data = "32FC1; compressedDepth rvl", message.data[:12] + encode_rvl(inverse)
    np.testing.assert_allclose(depth_from_compressed(message), [[0.5, 1.0, np.nan]], rtol=1e-3)
    with pytest.raises(InvalidInputError, match="header"):
        depth_from_compressed(compressed(inverse, ".png", "32FC1; compressedDepth png"))


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
