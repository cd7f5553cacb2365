"""Message conversion; rosbags and rosbags-image judge what we read and write."""

from __future__ import annotations

import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rclpy.serialization import serialize_message
from rosbags.image import message_to_cvimage
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import to_metres
from instructsam_ros.ros.conversions import (
    camera_from_info,
    cloud_from_points,
    depth_from_compressed,
    depth_from_image,
    image_from_array,
    info_from_camera,
    mask_from_messages,
    mask_to_messages,
    points_from_cloud,
    rgb_from_compressed,
    rgb_from_image,
)
from instructsam_ros.types import CameraModel, Instance, tight_box

STORE = get_typestore(Stores.ROS2_KILTED)
HEADER = Header(frame_id="camera")
SIZES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
EVEN = st.tuples(st.integers(1, 6), st.integers(1, 6)).map(lambda s: (4 * s[0], 4 * s[1]))
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "mono16": 1}
CODED = {
    "bayer_rggb8": 1,
    "bayer_bggr8": 1,
    "bayer_gbrg8": 1,
    "bayer_grbg8": 1,
    "yuv422": 2,
    "yuv422_yuy2": 2,
}


def as_rosbags(message, kind):
    return STORE.deserialize_cdr(serialize_message(message), kind)


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


@given(st.integers(0, 30), st.booleans(), st.randoms(use_true_random=False))
def test_a_cloud_survives_the_wire(count, with_ids, random):
    numbers = np.random.default_rng(random.getrandbits(32))
    points = numbers.normal(size=(count, 3)).astype(np.float32)
    colors = numbers.integers(0, 256, (count, 3)).astype(np.uint8)
    ids = numbers.integers(0, 2**32, count, dtype=np.uint32) if with_ids else None
    message = as_rosbags(cloud_from_points(points, colors, HEADER, ids), "sensor_msgs/msg/PointCloud2")
    read_points, read_colors, read_ids = points_from_cloud(message)
    np.testing.assert_array_equal(read_points, points)
    np.testing.assert_array_equal(read_colors, colors)
    assert (read_ids is None) is not with_ids
    if ids is not None:
        np.testing.assert_array_equal(read_ids, ids)
    assert [f.name for f in message.fields][:4] == ["x", "y", "z", "rgb"]
    assert message.row_step == len(message.data)


def test_a_cloud_without_colours_is_refused():
    message = cloud_from_points(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), HEADER)
    message.fields = message.fields[:3]
    with pytest.raises(InvalidInputError, match="rgb"):
        points_from_cloud(message)


@given(arrays(np.bool_, SIZES))
def test_a_mask_survives_as_box_and_crop(mask):
    region, image = mask_to_messages(Instance(mask, tight_box(mask), 1.0, "mug"), HEADER)
    np.testing.assert_array_equal(mask_from_messages(region, image, mask.shape), mask)


def test_a_camera_survives_and_an_uncalibrated_one_is_refused():
    camera = CameraModel(640, 480, 600.0, 601.0, 320.5, 239.5, "plumb_bob", (0.1, -0.2, 0.0, 0.0, 0.05))
    message = info_from_camera(camera, HEADER)
    assert camera_from_info(message) == camera
    rectified = camera_from_info(message, rectified=True)
    assert (rectified.fx, rectified.cx, rectified.distortion) == (600.0, 320.5, ())
    with pytest.raises(InvalidInputError, match="not calibrated"):
        camera_from_info(CameraInfo(width=640, height=480))


def test_an_equidistant_lens_bends_without_coefficients_too():
    camera = CameraModel(640, 480, 300.0, 300.0, 320.0, 240.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    assert camera_from_info(info_from_camera(camera, HEADER)) == camera
    pinhole = CameraModel(640, 480, 300.0, 300.0, 320.0, 240.0, "plumb_bob", (0.0,) * 5)
    assert camera_from_info(info_from_camera(pinhole, HEADER)).distortion_model == ""


def test_binning_and_region_of_interest_keep_the_ray_of_a_pixel():
    message = info_from_camera(CameraModel(640, 480, 600.0, 600.0, 320.0, 240.0), HEADER)
    message.binning_x = message.binning_y = 2
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 60, 200, 100
    camera = camera_from_info(message)
    assert (camera.width, camera.height) == (100, 50)
    # Binned pixel 10 covers the full-size columns 120 and 121, whose middle is 120.5.
    assert (10 - camera.cx) / camera.fx == pytest.approx((120.5 - 320.0) / 600.0)
    assert (7 - camera.cy) / camera.fy == pytest.approx((74.5 - 240.0) / 600.0)


@pytest.mark.parametrize("place", [0, 4])
def test_a_focal_length_that_no_camera_has_is_refused(place):
    info = info_from_camera(CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5), HEADER)
    info.k[place] = 1e-300
    with pytest.raises(InvalidInputError, match="less than a pixel"):
        camera_from_info(info)
