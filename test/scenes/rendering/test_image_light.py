"""Image-based light: irradiance and reflections of a map, and its KTX form."""

from __future__ import annotations

import struct

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.image_light import (
    LEVELS,
    SIDE,
    image_light,
    irradiance,
    pack,
    reflections,
)


def test_even_light_falls_on_every_surface_alike() -> None:
    harmonics = irradiance(np.full((32, 64, 3), 0.7, np.float32))
    assert harmonics[0] == pytest.approx(0.7, rel=0.01)
    assert harmonics[1:] == pytest.approx(0, abs=0.01)


def test_light_from_above_falls_on_what_faces_up() -> None:
    panorama = np.zeros((32, 64, 3), np.float32)
    panorama[:6] = 1
    harmonics = irradiance(panorama)[:, 0]

    def falling(x: float, y: float, z: float) -> float:
        functions = [1, y, z, x, x * y, y * z, 3 * z * z - 1, z * x, x * x - y * y]
        return float(np.dot(harmonics, functions))

    assert falling(0, 1, 0) > 4 * abs(falling(1, 0, 0))
    assert falling(0, 1, 0) > 4 * abs(falling(0, -1, 0))


def test_rough_surfaces_reflect_a_blurred_map() -> None:
    panorama = np.zeros((64, 128, 3), np.float32)
    panorama[10:16, 30:40] = 5
    spread = [reflections(panorama, panorama[::2, ::2], level)[..., 0].max() for level in (0, 2, 4)]
    assert spread[0] > spread[1] > spread[2] > 0


def test_packed_light_keeps_its_value() -> None:
    light = np.array([[0.0, 1.0, 0.5], [100.0, 0.25, 3.0]], np.float32)
    bits = pack(light)

    def unpack(value: int, shift: int, mantissa: int) -> float:
        field = value >> shift & ((1 << (5 + mantissa)) - 1)
        return float(np.uint16(field << (10 - mantissa)).view(np.float16))

    for value, expected in zip(bits.tolist(), light, strict=True):
        found = [unpack(value, shift, mantissa) for shift, mantissa in ((0, 6), (11, 6), (22, 5))]
        assert found == pytest.approx(expected.tolist(), rel=0.04)


def test_the_file_has_a_header_harmonics_and_all_levels() -> None:
    data = image_light(np.full((16, 32, 3), 0.5, np.float32))
    width, height, _, _, faces, levels, metadata = struct.unpack("<7I", data[36:64])
    assert (width, height, faces, levels) == (SIDE, SIDE, 6, LEVELS)
    assert b"sh\0" in data[64 : 64 + metadata]
    position = 64 + metadata
    for level in range(LEVELS):
        (size,) = struct.unpack("<I", data[position : position + 4])
        assert size == 4 * (SIDE >> level) ** 2
        position += 4 + 6 * size
    assert position == len(data)
