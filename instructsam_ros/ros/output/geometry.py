"""Support plane and grasp geometry as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from numpy.typing import NDArray

from instructsam_ros.lifting import LiftedInstance, Plane, grasp_geometry
from instructsam_ros.lifting.rotation import quaternion
from instructsam_ros.msg import GraspGeometry, SupportPlane
from instructsam_ros.pipeline import Result
from instructsam_ros.types import Pose as CameraPose

_UNKNOWN = float("nan")


def plane_message(result: Result, pose: CameraPose) -> SupportPlane:
    """Return the support plane of a result in the frame in which ``pose`` is that of the camera."""
    plane = result.lifted.plane
    if plane is None:
        return SupportPlane(coefficients=[_UNKNOWN] * 4)
    centroids = [each.centroid for each in result.lifted.instances if len(each.points)]
    below = plane.pose_below(np.mean(centroids, axis=0) if centroids else np.zeros(3))
    return SupportPlane(
        found=True,
        coefficients=plane.moved(pose).coefficients.tolist(),
        pose=pose_message(CameraPose(pose.rotation @ below.rotation, pose.apply(below.translation))),
        inlier_ratio=float(plane.inlier_ratio),
    )


def plane_of(message: SupportPlane) -> Plane | None:
    """Read the support plane of an answer, in the frame of its header; None where none was found."""
    if not message.found:
        return None
    coefficients = np.array(message.coefficients)
    return Plane(coefficients[:3], -float(coefficients[3]), float(message.inlier_ratio))


def grasp_message(result: Result, lifted: LiftedInstance, pose: CameraPose) -> GraspGeometry:
    """Return the grasp geometry of an instance, in the frame in which ``pose`` is that of the camera."""
    geometry = grasp_geometry(result.frame, lifted, result.lifted.plane)
    if geometry is None:
        unknown = Vector3(x=_UNKNOWN, y=_UNKNOWN, z=_UNKNOWN)
        return GraspGeometry(
            widths=[_UNKNOWN] * 3,
            top=_UNKNOWN,
            bottom=_UNKNOWN,
            centre_covariance=[_UNKNOWN] * 9,
            size_stddev=unknown,
        )
    turn = pose.rotation
    return GraspGeometry(
        widths=geometry.widths.tolist(),
        top=geometry.top,
        bottom=geometry.bottom,
        approaches=[Vector3(**xyz(turn @ approach)) for approach in geometry.approaches],
        centre_covariance=(turn @ geometry.centre_covariance @ turn.T).ravel().tolist(),
        size_stddev=Vector3(**xyz(geometry.size_stddev)),
    )


def pose_message(pose: CameraPose) -> Pose:
    """Return a pose as geometry_msgs/Pose."""
    x, y, z, w = (float(v) for v in quaternion(pose.rotation))
    return Pose(position=Point(**xyz(pose.translation)), orientation=Quaternion(x=x, y=y, z=z, w=w))


def xyz(values: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Return three numbers as the fields of a Point or Vector3."""
    return {axis: float(value) for axis, value in zip("xyz", values, strict=True)}
