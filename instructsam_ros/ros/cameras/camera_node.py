"""Base class of the camera nodes: publishes frames at a rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.frames import CameraFrame
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.float_parameters import declare, take_whole_numbers

FRAME_ID = "camera_color_optical_frame"
RATES = (0.01, 1000.0)
"""From one image in 100 s to more than any camera has, Hz."""


class CameraNode(Node):  # type: ignore[misc]
    """Publisher of image, depth and camera_info at ``rate``, stamped now, in ``frame_id``.

    Both are live parameters; those of ``setting`` are read once. Depth is 16UC1 millimetres or 32FC1 metres
    (REP 118). Raises ConfigError for a rate out of RATES.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.rate: float = _checked_rate(declare(self, "rate", 5.0, ParameterDescriptor()))
        self._frame_id: str = declare(self, "frame_id", FRAME_ID, ParameterDescriptor())
        self._timer: Any = None
        take_whole_numbers(self)
        self.add_on_set_parameters_callback(self._change)
        self._image = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._depth = self.create_publisher(Image, "depth", qos_profile_sensor_data)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)

    def setting(self, name: str, default: Any) -> Any:
        """Declare a parameter that is fixed from the start on, and return its value."""
        return declare(self, name, default, ParameterDescriptor(read_only=True))

    def publish(self, next_frame: Callable[[], CameraFrame | None]) -> None:
        """Begin to publish what ``next_frame`` returns, until it returns None."""
        self._next_frame = next_frame
        self._timer = self.create_timer(1.0 / self.rate, self._publish_next)

    def close(self) -> None:
        """Stop publishing."""
        self._timer.cancel()

    def _change(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """Take a new rate and frame_id from the next frame on, all of a request or nothing."""
        values = {parameter.name: parameter.value for parameter in parameters}
        try:
            rate = _checked_rate(values.get("rate", self.rate))
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if rate != self.rate:
            self.rate = rate
            if self._timer is not None:
                self._timer.timer_period_ns = int(1e9 / rate)
        self._frame_id = values.get("frame_id", self._frame_id)
        return SetParametersResult(successful=True)

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


def _checked_rate(rate: float) -> float:
    if not RATES[0] <= rate <= RATES[1]:
        raise ConfigError(f"rate is {rate}; it must be between {RATES[0]} and {RATES[1]} Hz")
    return rate
