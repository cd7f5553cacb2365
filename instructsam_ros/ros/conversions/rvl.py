"""RVL, the depth codec of compressedDepth (A. Wilson, Fast Lossless Depth Image Compression, 2017)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

# Columns and rows, before the code; the codec of compressed_depth_image_transport writes them.
_SIZE = struct.Struct("<II")
# Codes of pixels and run lengths have up to this many nibbles of three bits.
_LONGEST = 10
# A damaged size must not fill the memory.
_MAX_PIXELS = 1 << 26


def decode_rvl(data: bytes) -> NDArray[np.uint16]:
    """Decode an RVL image with its size in front, uint16 [H, W]. Raises InvalidInputError for damaged data.

    Nibbles, most significant first in each little-endian 32 bit word, hold three bits of a number each and
    a bit that is set where the number goes on. Numbers are the length of a run of zeros, the length of a
    run of readings, and the zigzag-coded differences of those readings to the last one, over and over.
    """
    if len(data) < _SIZE.size:
        raise InvalidInputError(f"RVL depth of {len(data)} bytes has no size in front")
    columns, rows = _SIZE.unpack_from(data)
    pixels = rows * columns
    if not 0 < pixels <= _MAX_PIXELS:
        raise InvalidInputError(f"RVL depth claims {columns}x{rows} pixels")
    code = data[_SIZE.size :]
    numbers = _numbers(np.frombuffer(code, "<u4", len(code) // 4))
    lengths, headers, done, at = [], [], 0, 0
    while done < pixels and at + 2 <= len(numbers):
        zeros, run = numbers[at : at + 2].tolist()
        lengths += [zeros, run]
        headers += [at, at + 1]
        done, at = done + zeros + run, at + 2 + run
    if done != pixels or at > len(numbers):
        raise InvalidInputError(f"RVL depth of {columns}x{rows} pixels is damaged or cut off")
    zigzag = np.delete(numbers[:at], headers)
    depth = np.zeros(pixels, np.uint16)
    is_reading = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    depth[is_reading] = np.cumsum((zigzag >> 1) ^ -(zigzag & 1))  # modulo 2**16, as the differences are
    return depth.reshape(rows, columns)


def _numbers(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the numbers in words [N]; zeros that fill the last word come out as numbers, too."""
    nibbles = ((words[:, None] >> np.arange(28, -4, -4, dtype=np.uint32)) & 15).astype(np.uint8).ravel()
    ends = np.flatnonzero(nibbles < 8)
    if not len(ends):
        return np.zeros(0, np.int64)
    nibbles = nibbles[: ends[-1] + 1]
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    longest = int(lengths.max())
    if longest > _LONGEST:
        raise InvalidInputError("RVL depth is damaged: a number in it is too long")
    numbers: NDArray[np.int64] = (nibbles[starts] & 7).astype(np.int64)
    for place in range(1, longest):  # few numbers go on for long
        longer = np.flatnonzero(lengths > place)
        numbers[longer] |= (nibbles[starts[longer] + place] & 7).astype(np.int64) << 3 * place
    return numbers
