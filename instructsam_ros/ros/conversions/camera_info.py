"""sensor_msgs/CameraInfo and CameraModel."""

from __future__ import annotations

from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.types import CameraModel

# Share of the image's width or height by which principal points of lenses are never off its centre.
_OFF_CENTRE = 0.2


def intrinsics_from_info(message: Any, *, rectified: bool = False) -> CameraModel:
    """Compute the intrinsics of the image of a CameraInfo, with region of interest and binning applied.

    rectified: the image has been rectified already, so P holds its intrinsics and there is no
    distortion. Raises InvalidInputError for an uncalibrated camera (K or P all zero).
    """
    fx, fy, cx, cy = _matrix(message, rectified)
    if fx == 0 or fy == 0:
        name, other = ("P", "K") if rectified else ("K", "P")
        remedy = "the camera is not calibrated; calibrate it, or set use_depth to false for masks alone"
        if min(_matrix(message, not rectified)[:2]) > 0:
            remedy = f"only {other} is filled in; if the image is " + (
                "not rectified, set rectified to false" if rectified else "rectified, set rectified to true"
            )
        raise InvalidInputError(f"camera_info has no {name} matrix (fx={fx}, fy={fy}): {remedy}")
    if min(fx, fy) < 1:  # a view of all but 180 degrees, in which lengths come out as infinite
        raise InvalidInputError(
            f"camera_info has fx={fx} and fy={fy}, focal lengths of less than a pixel; calibrate the camera"
        )
    roi = message.roi
    bin_x, bin_y = max(int(message.binning_x), 1), max(int(message.binning_y), 1)
    width, height = int(roi.width) or int(message.width), int(roi.height) or int(message.height)
    # An equidistant lens bends also where its coefficients are all zero: its radius is the angle.
    bent = any(message.d) or (message.distortion_model == "equidistant" and len(message.d) > 0)
    distorted = bent and not rectified
    return CameraModel(
        width=width // bin_x,
        height=height // bin_y,
        fx=fx / bin_x,
        fy=fy / bin_y,
        # Integer coordinates are pixel centres, so half a pixel is shifted around the division.
        cx=(cx - roi.x_offset + 0.5) / bin_x - 0.5,
        cy=(cy - roi.y_offset + 0.5) / bin_y - 0.5,
        distortion_model=str(message.distortion_model) if distorted else "",
        distortion=tuple(float(d) for d in message.d) if distorted else (),
    )


def principal_point_warning(message: Any, *, rectified: bool = False) -> str:
    """Return a warning if the principal point of a CameraInfo is far off the centre of its full image.

    So it is where the matrix belongs to the binned or cropped image, but binning or the region of interest
    is filled in as well, and would be applied twice. Empty if there is nothing to warn of.
    """
    _, _, cx, cy = _matrix(message, rectified)
    width, height = max(int(message.width), 1), max(int(message.height), 1)
    if max(abs((cx + 0.5) / width - 0.5), abs((cy + 0.5) / height - 0.5)) <= _OFF_CENTRE:
        return ""
    applied = [
        name
        for name, used in (
            (
                f"binning {message.binning_x}x{message.binning_y}",
                max(message.binning_x, message.binning_y) > 1,
            ),
            ("region of interest", message.roi.width > 0 or message.roi.height > 0),
        )
        if used
    ]
    hint = f" or does it belong to the image after {' and '.join(applied)}?" if applied else ""
    return (
        f"the principal point of camera_info ({cx:.0f}, {cy:.0f}) is far off the centre of {width}x{height}: "
        f"is that the matrix of the full image{',' if hint else '?'}{hint}"
    )


def _matrix(message: Any, rectified: bool) -> tuple[float, float, float, float]:
    """Return fx, fy, cx, cy of P or K."""
    matrix, row = (message.p, 4) if rectified else (message.k, 3)
    return float(matrix[0]), float(matrix[row + 1]), float(matrix[2]), float(matrix[row + 2])


def info_from_intrinsics(intrinsics: CameraModel, header: Any) -> Any:
    """Convert to sensor_msgs/CameraInfo of a camera without rectification."""
    from sensor_msgs.msg import CameraInfo

    return CameraInfo(
        header=header,
        width=intrinsics.width,
        height=intrinsics.height,
        distortion_model=intrinsics.distortion_model or "plumb_bob",
        d=list(intrinsics.distortion) or [0.0] * 5,
        k=[intrinsics.fx, 0.0, intrinsics.cx, 0.0, intrinsics.fy, intrinsics.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[
            intrinsics.fx,
            0.0,
            intrinsics.cx,
            0.0,
            0.0,
            intrinsics.fy,
            intrinsics.cy,
            0.0,
            0.0,
            0.0,
            1.0,
            0.0,
        ],
    )
