"""sensor_msgs/CompressedImage of image_transport's compressed and compressedDepth plugins."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import to_metres
from instructsam_ros.ros.conversions.rvl import decode_rvl
from instructsam_ros.transparency import without_alpha

# compressed_depth_image_transport's ConfigHeader: an int and the two quantisation parameters.
_DEPTH_HEADER = struct.Struct("<iff")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def rgb_from_compressed(message: Any) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] of a JPEG or PNG, its pixels as stored: depth and camera_info know of no EXIF.

    Transparent pixels are white. Raises InvalidInputError when it cannot be decoded.
    """
    stored = _decode(message.data, cv2.IMREAD_UNCHANGED, message.format)
    if stored.ndim == 3 and stored.shape[2] == 4 and stored.dtype == np.uint8:
        return without_alpha(stored[..., (2, 1, 0, 3)])
    if stored.ndim != 3 or stored.dtype != np.uint8:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        stored = _decode(message.data, flags, message.format)
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB))


def depth_from_compressed(message: Any, scale: float = 0.0) -> NDArray[np.float32]:
    """Decode depth in metres, float32 [H, W], NaN for no reading.

    Reads 16 bit depth and the inverse depth of 32FC1, as PNG or RVL, with the header of compressedDepth, and
    16 bit depth without it. scale: see lifting.to_metres. Raises InvalidInputError otherwise.
    """
    kind, _, transport = str(message.format).partition(";")
    data = bytes(message.data)
    bare = "compressedDepth" not in transport or data.startswith(_PNG_SIGNATURE)
    header = 0 if bare else _DEPTH_HEADER.size
    if len(data) <= header:
        raise InvalidInputError(f"the compressed depth image ({message.format}) is empty")
    if "rvl" in transport.lower():
        image: NDArray[Any] = decode_rvl(data[header:])
    else:
        image = _decode(data[header:], cv2.IMREAD_UNCHANGED, message.format)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise InvalidInputError(
            f"compressed depth ({message.format}) holds {image.dtype} {image.shape}, not 16 bit depth; "
            "JPEG is not usable for depth, choose the compressedDepth transport"
        )
    if kind.strip() != "32FC1":
        return to_metres(image, scale)
    if not header:
        raise InvalidInputError("32FC1 depth needs the compressedDepth transport with its header of 12 bytes")
    _, quant_a, quant_b = _DEPTH_HEADER.unpack_from(data)
    with np.errstate(divide="ignore"):
        metres = quant_a / (image.astype(np.float32) - np.float32(quant_b))
    return to_metres(np.where(image == 0, np.float32(np.nan), metres).astype(np.float32), scale)


def _decode(data: Any, flags: int, described: str) -> NDArray[Any]:
    raw = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(raw, flags) if len(raw) else None
    except cv2.error:  # a header that claims more pixels than OpenCV takes
        image = None
    if image is None:
        raise InvalidInputError(f"a compressed image ({described!r}, {len(raw)} bytes) cannot be decoded")
    return np.asarray(image)
