"""Photographs and environment maps of a folder as surroundings of scenes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.textures import Rng, Texture

PHOTO_TYPES = (".jpg", ".jpeg", ".png")
MAP_TYPES = (".exr", ".hdr")
SURFACES = "surfaces"
"""Name of the subfolder whose photographs show table tops and floors."""
PHOTO_SIDE = 768  # pixels at most


@dataclass(frozen=True)
class Backgrounds:
    """Files of a folder. photos: surroundings. surfaces: table tops and floors. maps: environment maps."""

    photos: tuple[Path, ...]
    surfaces: tuple[Path, ...]
    maps: tuple[Path, ...]


@cache
def find_backgrounds(folder: Path) -> Backgrounds:
    """List the pictures of a folder and its subfolders. Raises ConfigError where there is none."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder} of backgrounds")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    photos = [path for path in files if path.suffix.lower() in PHOTO_TYPES]
    maps = tuple(path for path in files if path.suffix.lower() in MAP_TYPES)
    surfaces = tuple(path for path in photos if SURFACES in path.relative_to(folder).parts[:-1])
    rooms = tuple(path for path in photos if path not in set(surfaces))
    if not rooms and not surfaces and not maps:
        raise ConfigError(f"{folder} holds no photographs (jpg, png) and no environment maps (exr, hdr)")
    return Backgrounds(rooms, surfaces, maps)


def read_photo(path: Path) -> Texture:
    """Read a photograph as a texture, uint8 [H, W, 3], rows upwards. Raises ConfigError for no picture."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(f"{path} is not a readable picture; remove it from the backgrounds")
    scale = PHOTO_SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[::-1, :, ::-1])


def patch(rng: Rng, picture: Texture) -> Texture:
    """Cut a part of a photograph out, at least 0.4 of its sides, in one of its eight orientations."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.4, 1)
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = np.rot90(picture[top : top + rows, left : left + columns], int(rng.integers(4)))
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def read_map(path: Path) -> NDArray[np.float32]:
    """Read an equirectangular environment map, float32 [H, W, 3] linear RGB with a mean near 0.5.

    Raises ConfigError for a file that cannot be read.
    """
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")  # OpenCV asks at its first EXR
    try:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or image.ndim != 3:
        raise ConfigError(
            f"{path} is not a readable environment map; set OPENCV_IO_ENABLE_OPENEXR=1 for EXR, or use HDR"
        )
    rgb = np.clip(image[..., 2::-1].astype(np.float32), 0, None)
    mean = float(np.minimum(rgb, 4).mean())
    result: NDArray[np.float32] = rgb * np.float32(0.5 / max(mean, 1e-3))
    return result


def cube_ways(side: int) -> NDArray[np.float32]:
    """Return the directions, y up, of the pixels of a cube map's faces, float32 [6, side, side, 3].

    The faces are +x, -x, +y, -y, +z and -z.
    """
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    u, v = np.meshgrid(axis, axis)
    one = np.ones_like(u)
    return np.stack([
        np.stack([one, -v, -u], -1), np.stack([-one, -v, u], -1), np.stack([u, one, v], -1),
        np.stack([u, -one, -v], -1), np.stack([u, -v, one], -1), np.stack([-u, -v, -one], -1),
    ])  # fmt: skip


def look_up(panorama: NDArray[np.float32], ways: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sample an equirectangular map in directions [..., 3], y up; float32 [..., 3]."""
    height, width = panorama.shape[:2]
    ways = ways / np.linalg.norm(ways, axis=-1, keepdims=True)
    column = (np.arctan2(ways[..., 0], -ways[..., 2])) / (2 * np.pi) % 1 * width - 0.5
    row = np.arccos(np.clip(ways[..., 1], -1, 1)) / np.pi * height - 0.5
    shape = (-1, ways.shape[-2])  # OpenCV takes at most 32767 rows
    sampled = cv2.remap(
        panorama,
        column.reshape(shape).astype(np.float32),
        row.reshape(shape).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    result: NDArray[np.float32] = sampled.reshape(ways.shape)
    return result


def tone(linear: NDArray[np.float32]) -> Texture:
    """Map linear light to sRGB bytes as a camera would, with a soft shoulder."""
    soft = 1 - np.exp(-1.6 * linear)
    image: Texture = np.clip(soft ** (1 / 2.2) * 255, 0, 255).astype(np.uint8)
    return image


def choose(rng: Rng, paths: tuple[Path, ...]) -> Path:
    """Choose one of the files."""
    return paths[int(rng.integers(len(paths)))]
