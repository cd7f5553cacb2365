"""sensor_msgs/CameraInfo and CameraModel."""

from __future__ import annotations

from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.types import CameraModel


def intrinsics_from_info(message: Any, *, rectified: bool = False) -> CameraModel:
    """Compute the intrinsics of the image of a CameraInfo, with region of interest and binning applied.

    rectified: the image has been rectified already, so P holds its intrinsics and there is no
    distortion. Raises InvalidInputError for an uncalibrated camera (K or P all zero).
    """
    matrix = message.p if rectified else message.k
    fx, fy, cx, cy = (
        (matrix[0], matrix[5], matrix[2], matrix[6])
        if rectified
        else (matrix[0], matrix[4], matrix[2], matrix[5])
    )
    if fx == 0 or fy == 0:
        raise InvalidInputError(
            f"camera_info has no {'P' if rectified else 'K'} matrix (fx={fx}, fy={fy}): "
            "the camera is not calibrated; calibrate it, or set use_depth to false for masks alone"
        )
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
