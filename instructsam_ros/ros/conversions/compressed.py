"""sensor_msgs/CompressedImage of image_transport's compressed and compressedDepth plugins."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import to_metres

# compressed_depth_image_transport's ConfigHeader: an int and the two quantisation parameters.
_DEPTH_HEADER = struct.Struct("<iff")


def rgb_from_compressed(message: Any) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] of a JPEG or PNG. Raises InvalidInputError when it cannot be decoded."""
    bgr = _decode(message.data, cv2.IMREAD_COLOR, message.format)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def depth_from_compressed(message: Any) -> NDArray[np.float32]:
    """Decode depth in metres, float32 [H, W], NaN for no reading.

    Reads a 16 bit PNG of millimetres ("16UC1; png compressed" and "16UC1; compressedDepth png")
    and the inverse-depth PNG of "32FC1; compressedDepth png". Raises InvalidInputError otherwise.
    """
    kind, _, transport = str(message.format).partition(";")
    data = bytes(message.data)
    header = _DEPTH_HEADER.size if "compressedDepth" in transport else 0
    if len(data) <= header:
        raise InvalidInputError(f"the compressed depth image ({message.format}) is empty")
    image = _decode(data[header:], cv2.IMREAD_UNCHANGED, message.format)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise InvalidInputError(
            f"compressed depth ({message.format}) holds {image.dtype} {image.shape}, not 16 bit depth; "
            "JPEG is not usable for depth, choose the compressedDepth transport"
        )
    if kind.strip() != "32FC1":
        return to_metres(image)
    if not header:
        raise InvalidInputError("32FC1 depth needs the compressedDepth transport, not compressed")
    _, quant_a, quant_b = _DEPTH_HEADER.unpack_from(data)
    with np.errstate(divide="ignore"):
        metres = quant_a / (image.astype(np.float32) - np.float32(quant_b))
    return to_metres(np.where(image == 0, np.float32(np.nan), metres).astype(np.float32))


def _decode(data: Any, flags: int, described: str) -> NDArray[Any]:
    raw = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(raw, flags) if len(raw) else None
    except cv2.error:  # a header that claims more pixels than OpenCV takes
        image = None
    if image is None:
        raise InvalidInputError(f"a compressed image ({described!r}, {len(raw)} bytes) cannot be decoded")
    return np.asarray(image)
