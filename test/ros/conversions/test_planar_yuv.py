from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions import rgb_from_image
from instructsam_ros.ros.conversions.planar_yuv import ENCODINGS, rgb_from_planar_yuv

COLORS = {"red": (220, 20, 20), "green": (20, 200, 30), "blue": (20, 20, 220)}
HEIGHT, WIDTH = 8, 12
SUBSAMPLING = {"nv16": (1, 2), "nv61": (1, 2), "nv24": (1, 1), "nv42": (1, 1)}


def planes(encoding: str, padding: int = 0) -> SimpleNamespace:
    """Three stripes of COLORS, 4 columns each, as a camera sends them in this encoding."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number, color in enumerate(COLORS.values()):
        rgb[:, 4 * number : 4 * number + 4] = color
    i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).ravel()
    count = HEIGHT * WIDTH
    luma = i420[:count].reshape(HEIGHT, WIDTH)
    u, v = i420[count:].reshape(2, HEIGHT // 2, WIDTH // 2)
    if encoding in ("nv21", "nv61", "nv42", "yv12"):
        u, v = v, u
    tall, wide = SUBSAMPLING.get(encoding, (2, 2))
    u, v = (plane.repeat(2 // tall, 0).repeat(2 // wide, 1) for plane in (u, v))
    if encoding.startswith("nv"):
        chroma = [np.stack([u, v], -1).reshape(len(u), -1)]
        wide_padding = 2 * padding // wide
    else:
        chroma, wide_padding = [u, v], padding // 2
    rows = [np.pad(luma, ((0, 0), (0, padding)))]
    rows += [np.pad(plane, ((0, 0), (0, wide_padding))) for plane in chroma]
    return SimpleNamespace(
        encoding=encoding,
        height=HEIGHT,
        width=WIDTH,
        step=WIDTH + padding,
        is_bigendian=0,
        data=b"".join(plane.tobytes() for plane in rows),
    )


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_colours_come_out(encoding, padding):
    for name in (encoding, encoding.upper()):
        message = planes(encoding, padding)
        message.encoding = name
        rgb = rgb_from_image(message)
        assert rgb.shape == (HEIGHT, WIDTH, 3)
        assert rgb.flags.c_contiguous
        for number, color in enumerate(COLORS.values()):
            np.testing.assert_allclose(rgb[:, 4 * number + 1].astype(int), [color] * HEIGHT, atol=6)


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", SUBSAMPLING)
def test_fine_chroma_is_converted_as_that_of_an_enlarged_image_of_coarse_chroma(encoding, padding):
    tall, wide = SUBSAMPLING[encoding]
    message, random = planes(encoding, padding), np.random.default_rng(padding)
    message.data = random.integers(0, 256, len(message.data), np.uint8).tobytes()
    raw = np.frombuffer(message.data, np.uint8)
    luma = raw[: HEIGHT * message.step].reshape(HEIGHT, -1)[:, :WIDTH]
    chroma = raw[HEIGHT * message.step :].reshape(HEIGHT, -1)[:, : 2 * WIDTH // wide]
    code = cv2.COLOR_YUV2RGB_NV12 if encoding in ("nv16", "nv24") else cv2.COLOR_YUV2RGB_NV21
    large = luma.repeat(2 // tall, 0).repeat(2 // wide, 1)
    rgb = cv2.cvtColorTwoPlane(large, np.ascontiguousarray(chroma).reshape(HEIGHT, -1, 2), code)
    np.testing.assert_array_equal(rgb_from_image(message), rgb[:: 2 // tall, :: 2 // wide])


def test_a_step_that_counts_both_planes_is_no_padding():
    message = planes("nv21")
    message.step = 2 * WIDTH
    np.testing.assert_array_equal(rgb_from_planar_yuv(message, "nv21"), rgb_from_image(planes("nv21")))


@pytest.mark.parametrize(
    ("change", "said"), [({"height": 0}, "empty"), ({"width": 11}, "odd"), ({"data": b"123"}, "3")]
)
def test_an_image_that_does_not_fit_is_refused(change, said):
    message = planes("nv12")
    vars(message).update(change)
    with pytest.raises(InvalidInputError, match=said):
        rgb_from_image(message)
