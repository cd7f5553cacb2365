"""The hidden node that hears the camera, with a thread of its own."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.node import Node

SPIN_SECONDS = 0.2


class CameraInputNode:
    """Node for topics that come often (camera, tf), served by one thread until ``close``.

    rclpy's executors look at everything that their nodes have for each message, and one of several threads
    hands each to another one, so a topic at 30 Hz costs less in a node with few entities and one thread.
    ``node`` has no parameters and no remappings: give it resolved names.
    """

    def __init__(self, main: Node) -> None:
        self.node = Node(
            f"_{main.get_name()}_input",
            context=main.context,
            namespace=main.get_namespace(),
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._stop = threading.Event()
        self._executor = SingleThreadedExecutor(context=main.context)
        self._executor.add_node(self.node)
        self._logger: Any = main.get_logger()
        self._thread = threading.Thread(target=self._spin, name="camera_input", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and take the node down."""
        self._stop.set()
        self._executor.wake()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

    def _spin(self) -> None:
        while not self._stop.is_set():
            try:
                self._executor.spin_once(timeout_sec=SPIN_SECONDS)
            except (ExternalShutdownException, ShutdownException):
                return
            except Exception as error:  # a fault of ours in a callback; one message must not end the node
                self._logger.error(f"a callback of the camera failed: {error}", throttle_duration_sec=5.0)
