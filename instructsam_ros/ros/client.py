"""Client of a running segmentation node, over its topics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import String

from instructsam_ros.errors import InstructSamError
from instructsam_ros.msg import Instance, InstanceArray
from instructsam_ros.ros.conversions import rgb_from_image
from instructsam_ros.ros.input.frame_decoder import UNUSABLE
from instructsam_ros.ros.input.synchronizer import stamp_ns

REPEAT_SECONDS = 0.5
KEPT_PICTURES = 20


@dataclass(frozen=True)
class Picture:
    """An image, and the stamps of all messages in a row that held the same one."""

    image: Any
    stamps: set[int]


class Client:
    """Subscriber of a camera and of ``segment_node`` in a ROS context of its own. A context manager.

    with_depth: answers without depth are passed over, as they come until depth is discovered; depth that
    cannot be used is a failure.
    """

    def __init__(self, *, with_depth: bool) -> None:
        self._with_depth = with_depth
        self._pictures: deque[Picture] = deque(maxlen=KEPT_PICTURES)
        self._answers: list[Any] = []
        self._failures: list[str] = []
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("instructsam_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._node.create_subscription(Image, "image", self._on_image, qos_profile_sensor_data)
        self._node.create_subscription(InstanceArray, "segment_node/instances", self._on_answer, 5)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 5)
        self._publisher = self._node.create_publisher(String, "instruction", 1)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def request(
        self, instruction: str, timeout: float, check: Callable[[], None]
    ) -> tuple[Any, NDArray[np.uint8]]:
        """Return the InstanceArray for the instruction, and its image, uint8 [H, W, 3].

        check: called all the while; may raise. Raises InstructSamError when the node reports a
        failure and TimeoutError when there is no answer within ``timeout`` seconds.
        """
        deadline, next_time = time.monotonic() + timeout, 0.0
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)
            check()
            if self._failures:
                raise InstructSamError(f"segment_node reports: {self._failures[0]}")
            for answer in self._answers:
                if answer.instruction == instruction and (rgb := self._rgb_of(answer)) is not None:
                    return answer, rgb
            # Published again in case the node was not subscribed yet; the same one does not interrupt it.
            if self._publisher.get_subscription_count() and time.monotonic() >= next_time:
                self._publisher.publish(String(data=instruction))
                next_time = time.monotonic() + REPEAT_SECONDS
        raise TimeoutError(f"no answer within {timeout:g} s")

    def answers(self, seconds: float) -> Iterator[tuple[Any, NDArray[np.uint8] | None]]:
        """Yield every InstanceArray that comes within some seconds, with its image, uint8 [H, W, 3].

        None for an image that has not come, or is not one of the last KEPT_PICTURES any more.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)
            while self._answers:
                answer = self._answers.pop(0)
                yield answer, self._rgb_of(answer)

    def _rgb_of(self, answer: Any) -> NDArray[np.uint8] | None:
        stamp = stamp_ns(answer)
        found = (each.image for each in self._pictures if stamp in each.stamps)
        image = next(found, None)
        return None if image is None else rgb_from_image(image)

    def _on_image(self, message: Any) -> None:
        if not self._pictures or memoryview(self._pictures[-1].image.data) != memoryview(message.data):
            self._pictures.append(Picture(message, set()))
        self._pictures[-1].stamps.add(stamp_ns(message))

    def _on_answer(self, message: Any) -> None:
        lacks_depth = any(instance.flags & Instance.FLAG_NO_DEPTH for instance in message.instances)
        if not (self._with_depth and lacks_depth):
            self._answers.append(message)

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            failed = status.name.endswith(": node") and status.level != DiagnosticStatus.OK
            if failed or (self._with_depth and UNUSABLE in status.message):
                self._failures.append(status.message)
