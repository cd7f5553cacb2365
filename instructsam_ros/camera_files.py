"""What a depth camera records, from files: depth images, and intrinsics as calibration tools write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.depth import to_metres
from instructsam_ros.types import CameraModel
from instructsam_ros.yaml_config import UniqueKeyLoader

_INTRINSICS = ("fx", "fy", "cx", "cy")


def read_depth(depth: Path, info: Path) -> tuple[NDArray[np.float32], CameraModel]:
    """Read a depth image in metres, float32 [H, W] with NaN for no reading, and the camera of ``info``.

    Raises InvalidInputError as ``read_stored_depth`` and ``read_camera``.
    """
    return to_metres(read_stored_depth(depth)), read_camera(info)


def read_stored_depth(path: Path) -> NDArray[np.uint16] | NDArray[np.float32]:
    """Read a depth image [H, W] as it is stored: uint16 millimetres (PNG) or float32 metres (TIFF).

    Raises InvalidInputError for a file that cannot be read and for another kind of picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InvalidInputError(f"cannot read the depth image {path}: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if image is None:
        raise InvalidInputError(f"{path} is not a readable depth image")
    if image.ndim != 2 or image.dtype not in (np.uint16, np.float32):
        raise InvalidInputError(
            f"{path} is {image.dtype} {image.shape}; depth is uint16 millimetres or float32 metres"
        )
    return np.asarray(image)


def read_camera(path: str | Path) -> CameraModel:
    """Read a YAML or JSON file with the intrinsics of a camera.

    Either a ROS calibration (image_width, image_height, camera_matrix, distortion_model,
    distortion_coefficients, as camera_calibration writes it), a CameraInfo printed by
    ``ros2 topic echo`` (width, height, k, d), or the numbers themselves: fx, fy, cx, cy, width,
    height and, where the lens distorts, distortion_model and d; a rendered scene has them under K
    (docs/scenes.md). Raises InvalidInputError that names the file and the problem.
    """
    try:
        # JSON is YAML. `ros2 topic echo` ends every message with a document mark.
        data = next(iter(yaml.load_all(Path(path).read_text(), UniqueKeyLoader)), None)
        if not isinstance(data, Mapping):
            raise ValueError(f"expected names and numbers, got {type(data).__name__}")
        return _camera(data)
    except OSError as error:
        raise InvalidInputError(f"cannot read the camera file {path}: {error.strerror}") from None
    except KeyError as error:
        raise InvalidInputError(
            f"{path}: {error.args[0]} is missing; a camera file has camera_matrix, image_width and "
            "image_height (a ROS calibration), or fx, fy, cx, cy, width and height"
        ) from None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not a usable camera file: {error}") from None


def _camera(data: Mapping[str, Any]) -> CameraModel:
    if isinstance(data.get("K"), Mapping):
        data = data["K"]
    matrix = _numbers(data.get("camera_matrix", data.get("k", data.get("K"))))
    if matrix and len(matrix) != 9:
        raise ValueError(f"the camera matrix has {len(matrix)} numbers instead of 9")
    fx, fy, cx, cy = (
        (matrix[0], matrix[4], matrix[2], matrix[5]) if matrix else (float(data[k]) for k in _INTRINSICS)
    )
    distortion = data.get("distortion_coefficients", data.get("d", data.get("D")))
    return CameraModel(
        width=int(data["image_width"] if "image_width" in data else data["width"]),
        height=int(data["image_height"] if "image_height" in data else data["height"]),
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        distortion_model=str(data.get("distortion_model") or ""),
        distortion=tuple(_numbers(distortion)),
    )


def _numbers(value: Any) -> list[float]:
    """Flat numbers of a list, a nested list or a calibration file's {rows, cols, data}."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return _numbers(value["data"])
    if isinstance(value, list | tuple):
        return [number for item in value for number in _numbers(item)]
    return [float(value)]
