"""sensor_msgs/Image and numpy arrays."""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import decode_depth
from instructsam_ros.ros.conversions import planar_yuv
from instructsam_ros.transparency import without_alpha

# Encoding -> item type, channels, and which channels are red, green and blue.
# cv_bridge writes 8UC3 and 8UC4 for OpenCV pictures of unnamed encoding, which are BGR.
_PLAIN: dict[str, tuple[str, int, tuple[int, int, int]]] = {
    "rgb8": ("u1", 3, (0, 1, 2)),
    "bgr8": ("u1", 3, (2, 1, 0)),
    "rgba8": ("u1", 4, (0, 1, 2)),
    "bgra8": ("u1", 4, (2, 1, 0)),
    "8UC3": ("u1", 3, (2, 1, 0)),
    "8UC4": ("u1", 4, (2, 1, 0)),
    "mono8": ("u1", 1, (0, 0, 0)),
    "8UC1": ("u1", 1, (0, 0, 0)),
    "mono16": ("u2", 1, (0, 0, 0)),
}
# Encoding -> item type, channels, OpenCV's conversion to RGB.
_CODED: dict[str, tuple[str, int, int]] = {
    "bayer_rggb8": ("u1", 1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": ("u1", 1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": ("u1", 1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": ("u1", 1, cv2.COLOR_BayerGRBG2RGB),
    "yuv422": ("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": ("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": ("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": ("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
}
_KNOWN = (*_PLAIN, *_CODED, *planar_yuv.ENCODINGS)
_NAMES = {name.lower(): name for name in _KNOWN}
_ENCODING_OF = {
    "rgb8": (np.uint8, 3),
    "mono8": (np.uint8, 1),
    "16UC1": (np.uint16, 1),
    "32FC1": (np.float32, 1),
}

_NO_BRIDGE = (
    "image encoding {encoding!r} needs cv_bridge, which is installed and cannot be loaded ({error}); "
    "one from apt needs the NumPy that it was built with: pip install 'numpy<2'"
)


def rgb_from_image(message: Any) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3], contiguous, of a sensor_msgs/Image; may share memory with the message.

    Reads the plain 8 bit encodings, mono16 (its upper 8 bits), Bayer patterns, packed YUV 4:2:2 and YUV in
    planes itself, in capitals too, and uses cv_bridge, where it is installed, for any other. Transparent
    pixels are white. Raises InvalidInputError for an unknown encoding, an empty image and a buffer that does
    not hold the image.
    """
    encoding = _NAMES.get(str(message.encoding).lower(), str(message.encoding))
    if encoding in _PLAIN:
        item, channels, order = _PLAIN[encoding]
        pixels = _pixels(message, item, channels)
        if item == "u2":
            pixels = (pixels >> 8).astype(np.uint8)
        if channels == 4:
            return without_alpha(pixels[..., (*order, 3)])
        return np.ascontiguousarray(pixels if order == (0, 1, 2) and channels == 3 else pixels[..., order])
    if encoding in _CODED:
        item, channels, code = _CODED[encoding]
        try:
            return np.asarray(cv2.cvtColor(np.ascontiguousarray(_pixels(message, item, channels)), code))
        except cv2.error as error:
            raise InvalidInputError(f"a {encoding} image cannot be converted: {error}") from None
    if encoding in planar_yuv.ENCODINGS:
        return planar_yuv.rgb_from_planar_yuv(message, encoding)
    return _through_cv_bridge(message, encoding)


def depth_from_image(message: Any, scale: float = 0.0) -> NDArray[np.float32]:
    """Decode depth in metres, float32 [H, W], NaN for no reading; see lifting.decode_depth."""
    return decode_depth(
        message.data,
        encoding=message.encoding,
        height=message.height,
        width=message.width,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
        scale=scale,
    )


def image_from_array(array: NDArray[Any], encoding: str, header: Any) -> Any:
    """Convert to sensor_msgs/Image: rgb8 [H, W, 3], or mono8, 16UC1, 32FC1 [H, W]; copies the array.

    Raises InvalidInputError when the array does not fit the encoding.
    """
    from sensor_msgs.msg import Image

    if encoding not in _ENCODING_OF:
        raise InvalidInputError(f"cannot write {encoding!r}; known: {', '.join(_ENCODING_OF)}")
    kind, channels = _ENCODING_OF[encoding]
    if array.dtype != kind or array.shape[2:] != (() if channels == 1 else (channels,)) or array.ndim < 2:
        raise InvalidInputError(f"{array.dtype} {array.shape} is not an image of encoding {encoding}")
    message = Image(header=header, height=array.shape[0], width=array.shape[1], encoding=encoding)
    message.step = array.shape[1] * channels * array.dtype.itemsize
    message.is_bigendian = int(sys.byteorder == "big")
    # rclpy takes bytes at once but checks the items of an ndarray one by one (0.04 against 60 ms).
    message.data = array.tobytes()
    return message


def _pixels(message: Any, item: str, channels: int) -> NDArray[Any]:
    """View [H, W, channels] of the message's buffer, rows without their padding."""
    height, width, step = int(message.height), int(message.width), int(message.step)
    dtype = np.dtype((">" if message.is_bigendian else "<") + item)
    row_bytes = width * channels * dtype.itemsize
    raw = np.frombuffer(message.data, np.uint8)
    if height <= 0 or width <= 0:
        raise InvalidInputError(f"the image is empty: {width}x{height}")
    if step < row_bytes or len(raw) < step * height:
        raise InvalidInputError(
            f"an image of {width}x{height} in {message.encoding} needs rows of {row_bytes} bytes; "
            f"its step is {step} and its buffer has {len(raw)} bytes"
        )
    pixel_bytes = channels * dtype.itemsize
    return np.ndarray((height, width, channels), dtype, raw, 0, (step, pixel_bytes, dtype.itemsize))


def _through_cv_bridge(message: Any, encoding: str) -> NDArray[np.uint8]:
    known = ", ".join(_KNOWN)
    # Compiled code of others: built for another NumPy, its import or its first call fails in ways of its own.
    try:
        from cv_bridge import CvBridge
    except ModuleNotFoundError:
        raise InvalidInputError(
            f"image encoding {encoding!r} is not supported; use one of {known}, or install cv_bridge"
        ) from None
    except Exception as error:  # a compiled part built for another NumPy raises whatever it likes
        raise InvalidInputError(_NO_BRIDGE.format(encoding=encoding, error=error)) from error
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(message, "rgb8"))
    except (ImportError, AttributeError, SystemError) as error:
        raise InvalidInputError(_NO_BRIDGE.format(encoding=encoding, error=error)) from error
    except Exception as error:  # CvBridgeError, and those of OpenCV, which need not be there to be named
        raise InvalidInputError(f"cv_bridge cannot convert {encoding!r} to rgb8: {error}") from None
