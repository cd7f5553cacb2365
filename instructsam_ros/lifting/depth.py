"""Conversion of depth images to float32 metres, NaN where there is no reading."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

# REP 118 allows millimetres as 16UC1 and metres as 32FC1; some drivers label millimetres mono16.
_ITEM_TYPES = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
_METRES_PER_MILLIMETRE = np.float32(0.001)


def decode_depth(
    data: bytes | bytearray | memoryview | NDArray[np.uint8],
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool = False,
    scale: float = 0.0,
) -> NDArray[np.float32]:
    """Decode the raw buffer of a sensor_msgs/Image to depth in metres, float32 [height, width].

    data: ``height`` rows of ``step`` bytes each; a row may be longer than its pixels. encoding:
    16UC1 or mono16 (millimetres, 0 is no reading), 32FC1 (metres). scale: see to_metres. The
    result never shares memory with ``data``. Raises InvalidInputError for another encoding, an empty
    image, rows that are too short and a buffer that is too short.
    """
    if encoding not in _ITEM_TYPES:
        raise InvalidInputError(
            f"depth encoding {encoding!r} is not supported; publish 16UC1 (millimetres) or 32FC1 (metres)"
        )
    if height <= 0 or width <= 0:
        raise InvalidInputError(f"the depth image is empty: {width}x{height}")
    item = np.dtype((">" if is_bigendian else "<") + _ITEM_TYPES[encoding])
    row_bytes = width * item.itemsize
    if step < row_bytes:
        raise InvalidInputError(
            f"depth rows have {step} bytes (step) but {width} pixels of {encoding} need {row_bytes}"
        )
    raw = np.frombuffer(data, np.uint8)
    if len(raw) < step * height:
        raise InvalidInputError(
            f"the depth buffer has {len(raw)} bytes but {height} rows of {step} bytes need {step * height}"
        )
    rows = raw[: step * height].reshape(height, step)[:, :row_bytes]
    return to_metres(np.ascontiguousarray(rows).view(item), scale)


def to_metres(depth: NDArray[Any], scale: float = 0.0) -> NDArray[np.float32]:
    """Convert an array of uint16 millimetres or float metres to depth in metres, float32 [H, W].

    scale: metres of one unit, where that is another than the type's, such as 0.0001 for cameras that
    measure in tenths of a millimetre; 0 for the type's. 0, negative, infinite and NaN readings become NaN.
    Raises InvalidInputError for another type or number of dimensions.
    """
    if depth.ndim != 2:
        raise InvalidInputError(f"expected a depth image [H, W], got {depth.shape}")
    if depth.dtype.kind == "u" and depth.dtype.itemsize == 2:
        metres = depth.astype(np.float32)
        metres *= np.float32(scale) if scale else _METRES_PER_MILLIMETRE
    elif depth.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, which is invalid
            metres = depth.astype(np.float32)
            if scale:
                metres *= np.float32(scale)
    else:
        raise InvalidInputError(
            f"depth of type {depth.dtype} is not supported; use uint16 millimetres or float metres"
        )
    return within_range(metres, 0.0, np.inf)


def within_range(depth: NDArray[np.float32], minimum: float, maximum: float) -> NDArray[np.float32]:
    """Copy ``depth`` (metres) with NaN for all values not positive, finite and in [minimum, maximum]."""
    with np.errstate(invalid="ignore"):
        valid = (depth > 0) & (depth < np.inf) & (depth >= minimum) & (depth <= maximum)
    return np.where(valid, depth, np.float32(np.nan))


def share_outside(depth: NDArray[np.float32], minimum: float, maximum: float) -> float:
    """Return the share, 0..1, of the readings of a depth image [H, W] outside [minimum, maximum] metres.

    Counts every fourth row and column. 0 without readings.
    """
    readings = depth[::4, ::4]
    readings = readings[np.isfinite(readings)]
    if not len(readings):
        return 0.0
    return float(np.mean((readings < minimum) | (readings > maximum)))
