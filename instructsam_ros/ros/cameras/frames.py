"""Frames of a camera as arrays, and recorded ones from files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.camera_files import read_camera, read_stored_depth
from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.types import CameraModel


@dataclass(frozen=True)
class CameraFrame:
    """rgb: uint8 [H, W, 3]. depth: uint16 [H, W] millimetres or float32 metres, or None."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.uint16] | NDArray[np.float32] | None
    intrinsics: CameraModel | None


def read_frame(image: Path, depth: Path | None, info: Path | None) -> CameraFrame:
    """Read one frame from files. Raises InvalidInputError that names the unreadable one.

    EXIF turns a picture alone. Beside depth or a calibration, which are not turned, it is read as stored.
    """
    return _read_frame(image, depth, info, stored=depth is not None or info is not None)


def _read_frame(image: Path, depth: Path | None, info: Path | None, *, stored: bool) -> CameraFrame:
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if stored else 0)
    picture = cv2.imread(str(image), flags)
    if picture is None:
        raise InvalidInputError(f"cannot read the picture {image}")
    return CameraFrame(
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB),
        None if depth is None else read_stored_depth(depth),
        None if info is None else read_camera(info),
    )


def read_folder(folder: Path) -> list[CameraFrame]:
    """NAME.jpg, NAME_depth.png (uint16 mm), NAME.json with key K, in order.

    Raises ConfigError for a folder without any, and for a NAME.json that is missing or unusable.
    """
    frames = []
    for image in sorted(folder.glob("*.jpg")):
        depth = image.with_name(f"{image.stem}_depth.png")
        settings = image.with_suffix(".json")
        try:
            intrinsics = CameraModel(**json.loads(settings.read_text())["K"])
        except (OSError, ValueError, KeyError, TypeError, InvalidInputError) as error:
            raise ConfigError(
                f"{settings} must hold the camera of {image.name} as K (width, height, fx, fy, cx, cy): "
                f"{error!r}"
            ) from None
        frame = _read_frame(image, depth if depth.exists() else None, None, stored=True)
        frames.append(CameraFrame(frame.rgb, frame.depth, intrinsics))
    if not frames:
        raise ConfigError(f"no frames (NAME.jpg with NAME.json) in {folder}")
    return frames
