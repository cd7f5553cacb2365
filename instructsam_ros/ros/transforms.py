"""Poses of the camera in other tf frames, at the time of the image."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting.rotation import rotation_matrix
from instructsam_ros.ros.errors import TransformError
from instructsam_ros.ros.input.synchronizer import NANOSECONDS
from instructsam_ros.ros.parameters import require_tf
from instructsam_ros.types import Pose, View

DRIFTING = "odom"
"""Name of the frame in which things at rest stand still without jumps (REP 105)."""
CEASED = NANOSECONDS
"""A transform whose newest stamp is this many nanoseconds old is not waited for."""
_PARENTS = re.compile(r"^'?([^\s'].*?)'?: *\n +parent: '(.*)'$", re.MULTILINE)

Listen = Callable[[float], tuple[Any, Any]]


class Transforms:
    """tf2_ros behind three calls, from one buffer.

    listen: returns a tf2_ros.Buffer of the given seconds and its listener, or None where tf is not
    installed, for which ``why_not`` is the reason.
    """

    def __init__(self, listen: Listen | None, why_not: str = "", seconds: float = 0.0) -> None:
        self._listen = listen
        self._why_not = why_not
        self._seconds = 0.0
        self._buffer: Any = None
        self._listener: Any = None  # its subscriptions end with the last reference
        self.keep(seconds)

    @classmethod
    def on_node(cls, node: Any, input_node: Any, seconds: float) -> Transforms:
        """Listen to tf on ``input_node`` and serve the buffer on ``node``.

        Where tf2_ros is not installed every look-up fails with the reason.
        """
        try:
            require_tf("a transform")
        except ConfigError as error:
            return cls(None, str(error))
        from rclpy.duration import Duration
        from tf2_ros import Buffer, TransformListener

        def listen(kept: float) -> tuple[Any, Any]:
            buffer = Buffer(Duration(seconds=kept), node)
            return buffer, TransformListener(buffer, input_node, spin_thread=False)

        return cls(listen, seconds=seconds)

    def keep(self, seconds: float) -> None:
        """Keep transforms for at least so many seconds; a buffer that has to grow starts empty."""
        if self._listen is not None and seconds > self._seconds:
            self._seconds = seconds
            self._buffer, self._listener = self._listen(seconds)

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
        rotation = rotation_matrix([turn.x, turn.y, turn.z, turn.w])
        return Pose(rotation, np.array([shift.x, shift.y, shift.z]))

    def view(self, camera: str, stamp_ns: int, timeout: float, fixed_frame: str = "") -> View | None:
        """Look up the pose of the camera in a frame that stands still; None where tf does not have it.

        fixed_frame: by default ``odom``, or the root of the tree where the camera's has none. ``timeout`` is
        waited only while such transforms come in.
        """
        if self._buffer is None or not camera or stamp_ns == 0:
            return None
        fixed = fixed_frame or self._fixed_frame(camera)
        if fixed == camera:
            return None
        wait = timeout if self._is_awaited(fixed, camera, stamp_ns) else 0.0
        try:
            return View(fixed, self.look_up(fixed, camera, stamp_ns, wait))
        except TransformError:
            return None

    def _fixed_frame(self, camera: str) -> str:
        """Return ``odom``, with any prefix, among the ancestors of the camera's frame, or the root."""
        parents = dict(_PARENTS.findall(self._buffer.all_frames_as_yaml()))
        seen = [camera]
        while (parent := parents.get(seen[-1])) is not None and parent not in seen:
            seen.append(parent)
        return next((frame for frame in seen if frame.rpartition("/")[2] == DRIFTING), seen[-1])

    def _is_awaited(self, fixed: str, camera: str, stamp_ns: int) -> bool:
        """Return whether transforms come in, but not yet those of the stamp."""
        from tf2_ros import TransformException

        try:
            newest = self._buffer.get_latest_common_time(fixed, camera)
        except TransformException:
            return False
        return bool(0 < stamp_ns - newest.nanoseconds <= CEASED)
