"""Base class of the camera nodes: publishes frames at a rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.frames import CameraFrame
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics

FRAME_ID = "camera_color_optical_frame"
RATES = (0.01, 1000.0)
"""From one image in 100 s to more than any camera has, Hz."""


class CameraNode(Node):  # type: ignore[misc]
    """Publisher of image, depth and camera_info at ``rate``, stamped now, in ``frame_id``.

    Depth is 16UC1 millimetres or 32FC1 metres (REP 118). Raises ConfigError for a rate out
    of RATES.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.rate: float = self.declare_parameter("rate", 5.0).value
        self._frame_id: str = self.declare_parameter("frame_id", FRAME_ID).value
        if not RATES[0] <= self.rate <= RATES[1]:
            raise ConfigError(f"rate is {self.rate}; it must be between {RATES[0]} and {RATES[1]} Hz")
        self._image = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._depth = self.create_publisher(Image, "depth", qos_profile_sensor_data)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)

    def publish(self, next_frame: Callable[[], CameraFrame | None]) -> None:
        """Begin to publish what ``next_frame`` returns, until it returns None."""
        self._next_frame = next_frame
        self._timer = self.create_timer(1.0 / self.rate, self._publish_next)

    def close(self) -> None:
        """Stop publishing."""
        self._timer.cancel()

    def _publish_next(self) -> None:
        frame = self._next_frame()
        if frame is None:
            self._timer.cancel()
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        if frame.intrinsics is not None:
            self._info.publish(info_from_intrinsics(frame.intrinsics, header))
        if frame.depth is not None:
            encoding = "16UC1" if frame.depth.dtype == np.uint16 else "32FC1"
            self._depth.publish(image_from_array(frame.depth, encoding, header))
        self._image.publish(image_from_array(frame.rgb, "rgb8", header))
