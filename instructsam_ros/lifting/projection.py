"""Projection and back-projection for the distortion models of sensor_msgs/CameraInfo (REP 104)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.types import CameraModel

# Coefficients that OpenCV takes for each model of sensor_msgs/distortion_models.hpp. Its plumb_bob and
# rational_polynomial are one series, and drivers (Orbbec, MultiSense) publish 8 coefficients as plumb_bob.
_COUNTS = {"plumb_bob": (4, 5, 8, 12, 14), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
# Undistortion is iterative; outside the lens's valid field it converges to a wrong ray.
_STOP = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-12)
_MAX_ROUND_TRIP_PX = 0.1
_MAX_OFF_CENTRE_PX = 4.0
"""Of a point from the ray of its pixel, in pixels without distortion; the border of a lens stretches them."""


@lru_cache(maxsize=4)
def pixel_rays(intrinsics: CameraModel) -> NDArray[np.float32]:
    """Compute rays of unit depth in the optical frame, float32 [H, W, 2]: x/z and y/z of every pixel.

    ``rays * depth`` gives x and y in metres. NaN where the lens model has no ray for the pixel (the
    corners of a fisheye image). Cached per intrinsics, therefore read-only. Zeros after the coefficients of
    a model are ignored. Raises InvalidInputError for an unknown distortion model or number of coefficients.
    """
    columns = np.arange(intrinsics.width, dtype=np.float64)
    rows = np.arange(intrinsics.height, dtype=np.float64)
    coefficients = _coefficients(intrinsics)
    if coefficients is None:
        x, y = np.meshgrid((columns - intrinsics.cx) / intrinsics.fx, (rows - intrinsics.cy) / intrinsics.fy)
        rays = np.stack([x, y], axis=-1).astype(np.float32)
    else:
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        rays = _undistort(pixels, intrinsics, coefficients).reshape(intrinsics.height, intrinsics.width, 2)
    rays.flags.writeable = False
    return rays


def back_project(depth: NDArray[np.float32], rays: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute points [..., 3] in metres in the optical frame from depth [...] in metres and rays [..., 2]."""
    points = np.empty((*depth.shape, 3), np.float32)
    for axis in (0, 1):  # five times as fast as broadcasting over the axes
        np.multiply(rays[..., axis], depth, out=points[..., axis])
    points[..., 2] = depth
    return points


def project(points: NDArray[np.floating], intrinsics: CameraModel) -> NDArray[np.float64]:
    """Project points [N, 3] in the optical frame to pixels [N, 2]; NaN for points behind the camera."""
    points = np.asarray(points, np.float64).reshape(-1, 3)
    depth = np.where(points[:, 2] > 0, points[:, 2], np.nan)
    rays = points[:, :2] / depth[:, None]
    coefficients = _coefficients(intrinsics)
    if coefficients is None:
        return rays * (intrinsics.fx, intrinsics.fy) + (intrinsics.cx, intrinsics.cy)
    return _distort(rays, intrinsics, coefficients)


def visible_pixel(point: NDArray[np.floating], intrinsics: CameraModel) -> NDArray[np.float64] | None:
    """Return the pixel [2], x y, at which the camera sees a point [3] in the optical frame; None where it
    does not: behind the camera, outside of the image, or beyond what the lens model describes.

    Raises InvalidInputError as ``pixel_rays``.
    """
    pixel = project(point, intrinsics)[0]
    size = np.array([intrinsics.width, intrinsics.height])
    if not ((pixel >= -0.5) & (pixel < size - 0.5)).all():  # NaN is not
        return None
    # A polynomial lens model maps directions far outside of the image back into it.
    column, row = np.floor(pixel + 0.5).astype(int)
    offset = point[:2] / point[2] - pixel_rays(intrinsics)[row, column]
    near = np.abs(offset) * (intrinsics.fx, intrinsics.fy) <= _MAX_OFF_CENTRE_PX
    return pixel if near.all() else None


def _coefficients(intrinsics: CameraModel) -> NDArray[np.float64] | None:
    """Return the distortion coefficients, as many as OpenCV takes; None without distortion.

    Raises InvalidInputError for an unknown model or number of coefficients.
    """
    model, given = intrinsics.distortion_model, intrinsics.distortion
    if not model or (model != "equidistant" and not any(given)):
        return None
    if model not in _COUNTS:
        raise InvalidInputError(f"distortion model {model!r} is not supported; known: {', '.join(_COUNTS)}")
    used = len(np.trim_zeros(given, "b"))
    count = next((count for count in _COUNTS[model] if used <= count <= len(given)), None)
    if count is None:
        expected = " or ".join(map(str, _COUNTS[model]))
        raise InvalidInputError(
            f"{model} takes {expected} distortion coefficients, camera_info has {len(given)}"
        )
    return np.array(given[:count], np.float64)


def _matrix(intrinsics: CameraModel) -> NDArray[np.float64]:
    return np.array([[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1]])


def _distort(
    rays: NDArray[np.float64], intrinsics: CameraModel, coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    K = _matrix(intrinsics)
    if intrinsics.distortion_model == "equidistant":
        pixels = cv2.fisheye.distortPoints(rays[:, None], K, coefficients)
    else:
        points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
        pixels, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, coefficients)
    return np.asarray(pixels, np.float64).reshape(-1, 2)


def _undistort(
    pixels: NDArray[np.float64], intrinsics: CameraModel, coefficients: NDArray[np.float64]
) -> NDArray[np.float32]:
    K = _matrix(intrinsics)
    if intrinsics.distortion_model == "equidistant":
        rays = cv2.fisheye.undistortPoints(pixels[:, None], K, coefficients, criteria=_STOP)
    else:
        rays = cv2.undistortPointsIter(pixels[:, None], K, coefficients, None, None, _STOP)
    rays = rays.reshape(-1, 2).astype(np.float32)  # near 90 degrees single precision is not enough
    error = np.linalg.norm(_distort(rays.astype(np.float64), intrinsics, coefficients) - pixels, axis=1)
    return np.where((error < _MAX_ROUND_TRIP_PX)[:, None], rays, np.float32(np.nan))
