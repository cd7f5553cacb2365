"""Image-based light from an environment map, in the KTX form that Filament reads."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.sampling.backgrounds import cube_ways, look_up

SIDE = 32  # pixels of a side of the sharpest reflection
LEVELS = 6  # of reflections, from a mirror to a matt surface
_COARSE = (64, 32)  # width and height of the map that the light of a rough reflection is summed over
_R11F_G11F_B10F, _RGB = 0x8C3A, 0x1907  # OpenGL's names of pixel formats


def image_light(panorama: NDArray[np.float32]) -> bytes:
    """Encode an equirectangular map, float32 [H, W, 3] linear light, as a KTX 1 of what it lights."""
    coarse = cv2.resize(panorama, _COARSE, interpolation=cv2.INTER_AREA)
    harmonics = "\n".join(" ".join(f"{value:.6g}" for value in row) for row in irradiance(coarse)) + "\n"
    entry = b"sh\0" + harmonics.encode() + b"\0"
    metadata = struct.pack("<I", len(entry)) + entry + b"\0" * (-len(entry) % 4)
    header = struct.pack(
        "<12s13I", b"\xabKTX 11\xbb\r\n\x1a\n", 0x04030201, _R11F_G11F_B10F, 1, _RGB, _R11F_G11F_B10F,
        _R11F_G11F_B10F, SIDE, SIDE, 0, 0, 6, LEVELS, len(metadata),
    )  # fmt: skip
    levels = []
    for level in range(LEVELS):
        faces = pack(reflections(panorama, coarse, level)).tobytes()
        levels.append(struct.pack("<I", len(faces) // 6) + faces)
    return b"".join([header, metadata, *levels])


def irradiance(panorama: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the nine spherical harmonics [9, 3] of the light that falls on a surface, divided by pi.

    Their functions of the normal are 1, y, z, x, xy, yz, 3zz - 1, zx and xx - yy, as in Filament's shader.
    """
    ways, weight = _directions(panorama)
    x, y, z = ways.T
    functions = np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, z * x, x * x - y * y])
    norms = np.array([1, 3, 3, 3, 15, 15, 1.25, 15, 3.75]) / (4 * np.pi)
    lobe = np.array([1, *[2 / 3] * 3, *[1 / 4] * 5])  # of the cosine, divided by pi
    light = panorama.reshape(-1, 3) * weight[:, None]
    result: NDArray[np.float64] = (norms * lobe)[:, None] * (functions @ light)
    return result


def reflections(
    panorama: NDArray[np.float32], coarse: NDArray[np.float32], level: int
) -> NDArray[np.float32]:
    """Return the cube of what a surface of roughness ``level`` / (LEVELS - 1) reflects, [6, s, s, 3]."""
    side = SIDE >> level
    ways = cube_ways(side)
    if level == 0:
        soft = cv2.resize(panorama, (4 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA)
        return look_up(soft, ways)
    ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
    alpha = (level / (LEVELS - 1)) ** 2
    sources, weight = _directions(coarse)
    cosine = np.clip(ways.reshape(-1, 3) @ sources.T.astype(np.float32), 0, 1)
    lobe = cosine ** np.float32(max(0.5 / alpha**2, 1.0)) * weight.astype(np.float32)
    summed = lobe @ coarse.reshape(-1, 3) / (lobe.sum(1, keepdims=True) + 1e-9)
    result: NDArray[np.float32] = summed.reshape(ways.shape).astype(np.float32)
    return result


def pack(light: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Pack light [..., 3] into 11, 11 and 10 bits of floating point, uint32 [...]."""
    half = np.clip(light, 0, 60000).astype(np.float16).view(np.uint16).astype(np.uint32)
    packed = half[..., 0] >> 4 | half[..., 1] >> 4 << 11 | half[..., 2] >> 5 << 22
    return packed.astype(np.uint32)


def _directions(panorama: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the directions [N, 3], y up, and solid angles [N] of a map's pixels."""
    height, width = panorama.shape[:2]
    polar = (np.arange(height) + 0.5) / height * np.pi
    angle = (np.arange(width) + 0.5) / width * 2 * np.pi
    up, around = np.meshgrid(polar, angle, indexing="ij")
    ways = np.stack([np.sin(up) * np.sin(around), np.cos(up), -np.sin(up) * np.cos(around)], -1)
    solid = np.sin(up) * (np.pi / height) * (2 * np.pi / width)
    return ways.reshape(-1, 3), solid.ravel()
