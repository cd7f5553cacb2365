from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rosbags.image import message_to_cvimage

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions import depth_from_image, image_from_array, rgb_from_image
from test.ros.conversions.messages import HEADER, SIZES, as_rosbags

EVEN = st.tuples(st.integers(1, 6), st.integers(1, 6)).map(lambda s: (4 * s[0], 4 * s[1]))
CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1, "mono16": 1}
CODED = {
    "bayer_rggb8": 1,
    "bayer_bggr8": 1,
    "bayer_gbrg8": 1,
    "bayer_grbg8": 1,
    "yuv422": 2,
    "yuv422_yuy2": 2,
}


def image_message(pixels, encoding, padding=0, bigendian=False):
    """An Image as a driver would send it, of an array [H, W, C] in native order."""
    rows = pixels.astype(pixels.dtype.newbyteorder(">" if bigendian else "<"))
    raw = np.frombuffer(rows.tobytes(), np.uint8).reshape(len(pixels), -1)
    padded = np.pad(raw, ((0, 0), (0, padding)), constant_values=7)
    return SimpleNamespace(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=padded.shape[1],
        is_bigendian=int(bigendian),
        data=padded.tobytes(),
        header=HEADER,
    )


@given(st.data(), st.sampled_from(sorted(CHANNELS)), SIZES)
def test_colour_is_read_as_rosbags_reads_it(data, encoding, size):
    kind = np.uint16 if encoding == "mono16" else np.uint8
    pixels = data.draw(arrays(kind, (*size, CHANNELS[encoding])))
    message = image_message(pixels, encoding)
    message.data = np.frombuffer(message.data, np.uint8)
    rgb = rgb_from_image(message)
    assert rgb.flags.c_contiguous
    expected = message_to_cvimage(message, "rgb8")
    # 16 bit greys are shifted here and scaled there: at most one step apart.
    np.testing.assert_allclose(rgb.astype(int), expected.astype(int), atol=kind is np.uint16)


@pytest.mark.parametrize(("encoding", "place"), [("rgba8", 0), ("bgra8", 2), ("8UC4", 2)])
def test_transparent_pixels_are_white(encoding, place):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., place] = 200
    pixels[0, :, 3] = 255
    rgb = rgb_from_image(image_message(pixels, encoding))
    assert rgb.tolist() == [[[200, 0, 0]] * 2, [[255, 255, 255]] * 2]


@given(st.data(), st.sampled_from(sorted(CODED)), EVEN)
def test_bayer_and_yuv_are_read_as_rosbags_reads_them(data, encoding, size):
    message = image_message(data.draw(arrays(np.uint8, (*size, CODED[encoding]))), encoding)
    message.data = np.frombuffer(message.data, np.uint8)
    np.testing.assert_array_equal(rgb_from_image(message), message_to_cvimage(message, "rgb8"))


@pytest.mark.parametrize(("encoding", "channels"), [("bgr8", 3), ("8UC3", 3), ("yuyv", 2)])
def test_encodings_are_read_in_capitals_and_without(encoding, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, channels)).astype(np.uint8)
    expected = rgb_from_image(image_message(pixels, encoding))
    for spelt in (encoding.upper(), encoding.lower()):
        np.testing.assert_array_equal(rgb_from_image(image_message(pixels, spelt)), expected)


@given(arrays(np.uint16, SIZES), st.integers(0, 5), st.booleans())
def test_padding_and_byte_order_do_not_matter(depth, padding, bigendian):
    grey = image_message(depth[..., None], "mono16", padding, bigendian)
    np.testing.assert_array_equal(rgb_from_image(grey)[..., 0], depth >> 8)
    metres = depth_from_image(image_message(depth[..., None], "16UC1", padding, bigendian))
    np.testing.assert_allclose(metres, np.where(depth == 0, np.nan, depth * 1e-3), rtol=1e-6)


@given(
    st.one_of(
        st.tuples(st.just("rgb8"), SIZES.flatmap(lambda s: arrays(np.uint8, (*s, 3)))),
        st.tuples(st.just("mono8"), arrays(np.uint8, SIZES)),
        st.tuples(st.just("16UC1"), arrays(np.uint16, SIZES)),
        st.tuples(st.just("32FC1"), arrays(np.float32, SIZES)),
    )
)
def test_what_is_written_rosbags_reads_back(case):
    encoding, array = case
    message = as_rosbags(image_from_array(array, encoding, HEADER), "sensor_msgs/msg/Image")
    np.testing.assert_array_equal(message_to_cvimage(message), array)
    assert message.header.frame_id == "camera"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoding": "flir9"}, "flir9"),
        ({"height": 0}, "empty"),
        ({"step": 3}, "step"),
        ({"data": b"123"}, "3 bytes"),
    ],
)
def test_an_image_that_cannot_be_read_is_named(change, said):
    message = image_message(np.zeros((4, 4, 3), np.uint8), "rgb8")
    vars(message).update(change)
    with pytest.raises(InvalidInputError, match=said):
        rgb_from_image(message)


def test_an_array_that_does_not_fit_its_encoding_is_refused():
    with pytest.raises(InvalidInputError, match="16UC1"):
        image_from_array(np.zeros((4, 4), np.uint8), "16UC1", HEADER)


BROKEN_BRIDGES = {
    "import": "raise ImportError('numpy.core.multiarray failed to import')",
    "initialization": "raise AttributeError('_ARRAY_API not found')",
    "first call": """
class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        raise SystemError('initialization of cv_bridge_boost raised unreported exception')
""",
}


@pytest.mark.parametrize("module", BROKEN_BRIDGES.values(), ids=BROKEN_BRIDGES)
def test_a_cv_bridge_that_does_not_load_is_named_with_the_remedy(module, tmp_path, monkeypatch):
    (tmp_path / "cv_bridge.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
    with pytest.raises(
        InvalidInputError, match=r"cv_bridge, which is installed and cannot be loaded.*numpy<2"
    ):
        rgb_from_image(image_message(np.zeros((4, 4, 3), np.uint16), "rgb16"))
    sys.modules.pop("cv_bridge", None)
