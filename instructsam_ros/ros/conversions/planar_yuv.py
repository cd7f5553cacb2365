"""Images in planes of luma and of chroma: NV12 and its kind, I420 and YV12."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

# Encoding -> rows and columns of luma per sample of chroma, and OpenCV's conversion.
# The chroma plane holds pairs, U V in NV12 and its kind and V U in NV21 and its kind.
_PAIRED: dict[str, tuple[int, int, int]] = {
    "nv12": (2, 2, cv2.COLOR_YUV2RGB_NV12),
    "nv21": (2, 2, cv2.COLOR_YUV2RGB_NV21),
    "nv16": (1, 2, cv2.COLOR_YUV2RGB_YUY2),
    "nv61": (1, 2, cv2.COLOR_YUV2RGB_YVYU),
    "nv24": (1, 1, cv2.COLOR_YUV2RGB_YUY2),
    "nv42": (1, 1, cv2.COLOR_YUV2RGB_YVYU),
}
# Encoding -> whether the plane of U comes before that of V; both have half of the rows and columns.
_THREE_PLANES: dict[str, bool] = {"yuv420": True, "yuv420p": True, "i420": True, "yv12": False}
ENCODINGS = (*_PAIRED, *_THREE_PLANES)


def rgb_from_planar_yuv(message: Any, encoding: str) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] of a sensor_msgs/Image in one of ENCODINGS, in video range (BT.601).

    height, width and step are those of the luma plane, as drivers write them; a buffer that is just as long
    as planes without padding has none, whatever its step. Raises InvalidInputError for a buffer that is too
    short and for odd sizes that the encoding does not allow.
    """
    height, width = int(message.height), int(message.width)
    tall, wide, code = _PAIRED.get(encoding, (2, 2, cv2.COLOR_YUV2RGB_NV12))
    if height <= 0 or width <= 0 or height % tall or width % wide:
        raise InvalidInputError(f"an image of {width}x{height} in {encoding} is empty or of odd size")
    raw = np.frombuffer(message.data, np.uint8)
    samples = (height // tall) * (width // wide)
    step = width if len(raw) == height * width + 2 * samples else int(message.step)
    chroma_step = 2 * step // wide  # of a row of pairs, and of two rows of one plane
    needed = height * step + height // tall * chroma_step
    if step < width or len(raw) < needed:
        raise InvalidInputError(
            f"an image of {width}x{height} in {encoding} with step {step} needs {needed} bytes, "
            f"its buffer has {len(raw)}"
        )
    luma = raw[: height * step].reshape(height, step)[:, :width]
    chroma = raw[height * step : needed]
    if encoding in _PAIRED:
        rows = chroma.reshape(height // tall, chroma_step)[:, : 2 * (width // wide)]
        pairs = rows.reshape(height // tall, width // wide, 2)
    else:
        planes = chroma.reshape(2, height // 2, step // 2)[:, :, : width // 2]
        pairs = np.moveaxis(planes if _THREE_PLANES[encoding] else planes[::-1], 0, -1)
    if tall == 2:
        planes_420 = np.ascontiguousarray(luma), np.ascontiguousarray(pairs)
        return np.asarray(cv2.cvtColorTwoPlane(*planes_420, code), np.uint8)
    # OpenCV knows finer chroma as 4:2:2 alone, packed; with each luma twice a plane of 4:4:4 is one of it.
    packed = np.empty((*pairs.shape[:2], 4), np.uint8)
    lumas = luma.reshape(height, -1, wide)
    cv2.mixChannels([lumas, pairs], [packed], [0, 0, wide, 1, wide - 1, 2, wide + 1, 3])
    rgb = np.asarray(cv2.cvtColor(packed.reshape(height, -1, 2), code), np.uint8)
    if wide == 2:
        return rgb
    once = np.empty((height, width, 3), np.uint8)
    cv2.mixChannels([rgb.reshape(height, width, 6)], [once], [0, 0, 1, 1, 2, 2])
    return once
