"""Pose of the camera in another tf frame, at the time of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.errors import TransformError
from instructsam_ros.ros.parameters import require_tf


@dataclass(frozen=True)
class Pose:
    """A rigid motion: points map to ``rotation @ p + translation``; [3, 3] and [3] metres."""

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def apply(self, points: NDArray[Any]) -> NDArray[Any]:
        """Transform points [N, 3] or [3] to the other frame; their type is kept."""
        if self is IDENTITY:
            return points
        return (points @ self.rotation.T + self.translation).astype(points.dtype)


IDENTITY = Pose(np.eye(3), np.zeros(3))


class Transforms:
    """tf2_ros behind one call. ``buffer`` is a tf2_ros.Buffer, or None where tf is not installed."""

    def __init__(self, buffer: Any, why_not: str = "", listener: Any = None) -> None:
        self._buffer = buffer
        self._why_not = why_not
        self._listener = listener  # its subscriptions end with the last reference

    @classmethod
    def listen(cls, node: Any) -> Transforms:
        """Listen to tf on a node; where tf2_ros is not installed every look-up fails with the reason."""
        try:
            require_tf("a transform")
        except ConfigError as error:
            return cls(None, str(error))
        from tf2_ros import Buffer, TransformListener

        buffer = Buffer(node=node)
        return cls(buffer, listener=TransformListener(buffer, node, spin_thread=False))

    def look_up(self, target: str, source: str, stamp_ns: int, timeout: float) -> Pose:
        """Look up the pose of ``source`` in ``target`` at the stamp, exactly. Raises TransformError."""
        if self._buffer is None:
            raise TransformError(self._why_not)
        if stamp_ns == 0:  # which tf2 takes for "the latest"
            raise TransformError(f"the image has no stamp, so its pose in {target!r} is not known")
        from rclpy.duration import Duration
        from rclpy.time import Time
        from tf2_ros import TransformException

        try:
            found = self._buffer.lookup_transform(
                target, source, Time(nanoseconds=stamp_ns), timeout=Duration(seconds=timeout)
            ).transform
        except TransformException as error:
            raise TransformError(
                f"no transform from {source!r} to {target!r} at the image's stamp: {error}"
            ) from None
        turn, shift = found.rotation, found.translation
        rotation = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
        return Pose(rotation, np.array([shift.x, shift.y, shift.z]))
