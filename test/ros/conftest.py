"""A node in a process of its own, started as users start it, and a client on real DDS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("instructsam_ros.msg")

import rclpy
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from rclpy.executors import MultiThreadedExecutor, ShutdownException
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header, String
from visualization_msgs.msg import MarkerArray

from instructsam_ros.action import Segment
from instructsam_ros.msg import InstanceArray
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.node_main import use_shipped_profile
from instructsam_ros.srv import SegmentOnce
from instructsam_ros.types import CameraModel

WAIT = 60.0  # a busy machine starts a node slowly
FRAME_ID = "camera_color_optical_frame"
CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)


def picture() -> np.ndarray:
    """A red and a blue square on grey, uint8 [120, 160, 3]."""
    rgb = np.full((120, 160, 3), 128, np.uint8)
    rgb[40:70, 30:60] = (220, 20, 20)
    rgb[50:90, 100:130] = (20, 20, 220)
    return rgb


def depth_mm() -> np.ndarray:
    """The red square 0.5 m away, the rest 1 m, uint16 [120, 160]."""
    depth = np.full((120, 160), 1000, np.uint16)
    depth[40:70, 30:60] = 500
    return depth


def call(client: Client, kind: Any, service: str, **fields: Any) -> Any:
    """The response of one of the node's services."""
    caller = client.node.create_client(kind, f"{client.name}/{service}")
    client.wait(caller.service_is_ready)
    return client.result_of(caller.call_async(kind.Request(**fields)))


def change(client: Client, transition: int) -> bool:
    """Whether a lifecycle transition succeeded."""
    return bool(call(client, ChangeState, "change_state", transition=Transition(id=transition)).success)


@pytest.fixture(scope="session", autouse=True)
def ros_domain() -> None:
    """Keep this test process and its children apart from every other."""
    os.environ["ROS_DOMAIN_ID"] = str(reserve_domain())
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    use_shipped_profile()


class NodeUnderTest:
    """A node of ``instructsam_ros.ros`` with parameters; its output is in ``log``."""

    def __init__(
        self,
        log: Path,
        name: str = "segment_node",
        env: dict[str, str] | None = None,
        program: str = "segment_node",
        **parameters: Any,
    ):
        arguments = ["--ros-args", "-r", f"__node:={name}"]
        for key, value in parameters.items():
            arguments += ["-p", f"{key}:={str(value).lower() if isinstance(value, bool) else value}"]
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"instructsam_ros.ros.{program}", *arguments],
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal, as a terminal does to the whole process group, and return the exit status."""
        os.killpg(self.process.pid, number)
        try:
            return self.process.wait(WAIT)
        finally:
            self.process.kill()


class Client:
    """Everything a user of the node has: publishers, subscriptions, service and action."""

    def __init__(self, name: str = "segment_node") -> None:
        self.name = name
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("client", context=self.context)
        self.heard: dict[str, list[Any]] = {}
        self.image = self.node.create_publisher(Image, "image", 5)
        self.depth = self.node.create_publisher(Image, "depth", 5)
        self.info = self.node.create_publisher(CameraInfo, "camera_info", 5)
        self.instruction = self.node.create_publisher(String, "instruction", 5)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.listen(InstanceArray, "instances")
        self.listen(String, "active_instruction", latched)
        self.heard["diagnostics"] = []
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.heard["diagnostics"].append, 10)
        self.service = self.node.create_client(SegmentOnce, f"{name}/segment_once")
        self.action = ActionClient(self.node, Segment, f"{name}/segment")
        self._executor = MultiThreadedExecutor(3, context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            while self.context.ok():
                self._executor.spin_once(timeout_sec=0.1)
        except (ShutdownException, RuntimeError):
            return  # the context went away under the executor: the end of the test

    def listen(self, kind: type, topic: str, qos: Any = 10) -> list[Any]:
        """The growing list of what the node publishes on one of its topics."""
        self.heard[topic] = []
        self.node.create_subscription(kind, f"{self.name}/{topic}", self.heard[topic].append, qos)
        return self.heard[topic]

    def header(self) -> Header:
        return Header(stamp=self.node.get_clock().now().to_msg(), frame_id=FRAME_ID)

    def send(
        self,
        rgb: np.ndarray | None = None,
        depth: np.ndarray | None = None,
        camera: CameraModel | None = CAMERA,
    ) -> Header:
        """Publish one good frame, or one with the given parts."""
        header = self.header()
        depth = depth_mm() if depth is None else depth
        if camera is not None:
            self.info.publish(info_from_intrinsics(camera, header))
        self.depth.publish(image_from_array(depth, "16UC1" if depth.dtype == np.uint16 else "32FC1", header))
        self.image.publish(image_from_array(picture() if rgb is None else rgb, "rgb8", header))
        return header

    def wait(
        self, ready: Callable[[], Any], meanwhile: Callable[[], Any] = lambda: None, every: float = 0.1
    ) -> Any:
        """What ``ready`` returns once that is true, doing ``meanwhile`` in between."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if value := ready():
                return value
            meanwhile()
            time.sleep(every)
        raise TimeoutError(f"nothing within {WAIT} s; last diagnostics: {self.diagnostics()}")

    def result_of(self, future: Any) -> Any:
        return self.wait(future.done, every=0.01) and future.result()

    def ask(self, instruction: str) -> SegmentOnce.Response:
        """Call the service while a camera runs."""
        self.wait(self.service.service_is_ready)
        future = self.service.call_async(SegmentOnce.Request(instruction=instruction))
        self.wait(future.done, self.send)
        return future.result()

    def goal(self, instruction: str, budget: float = 0.0, feedback: Any = None, **fields: Any) -> Any:
        """Send a goal of the action and return its handle."""
        self.wait(self.action.server_is_ready)
        seconds = Duration(sec=int(budget), nanosec=int(budget % 1 * 1e9))
        goal = Segment.Goal(instruction=instruction, time_budget=seconds, **fields)
        return self.result_of(self.action.send_goal_async(goal, feedback_callback=feedback))

    def diagnostics(self) -> dict[str, Any]:
        """The newest status of node, camera and worker."""
        newest = self.heard["diagnostics"][-1:]
        return {s.name.partition(": ")[2]: s for message in newest for s in message.status}

    def count(self, name: str) -> int:
        """A counter as the newest diagnostics have it."""
        status = self.diagnostics().get("worker")
        return next((int(v.value) for v in status.values if v.key == name), 0) if status else 0

    def close(self) -> None:
        self._executor.shutdown()
        self.action.destroy()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
        self._thread.join(5)


@contextmanager
def started(folder: Path, name: str, **parameters: Any) -> Iterator[tuple[NodeUnderTest, Client]]:
    """An active node of that name, whatever its model does at the end, and a client."""
    node = NodeUnderTest(folder / "log", name=name, **parameters)
    client = Client(name)
    try:
        client.wait(lambda: client.diagnostics() and client.diagnostics()["node"].message == "active")
        yield node, client
    finally:
        client.close()
        node.process.kill()
        node.process.wait()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    """One node for all tests of a module; each call of the model takes 50 ms."""
    started = NodeUnderTest(
        tmp_path_factory.mktemp("node") / "log",
        model="fake",
        model_options="'{slow: 0.05}'",
        depth_wait=0.2,
        camera_timeout=1.0,
    )
    yield started
    assert started.stop() == 0, started.log.read_text()


@pytest.fixture(scope="module")
def client(node: NodeUnderTest) -> Iterator[Client]:
    client = Client()
    for kind, topic in (
        (PointCloud2, "points"),
        (PointCloud2, "scene_points"),
        (Image, "label_image"),
        (Image, "overlay"),
        (MarkerArray, "markers"),
    ):
        client.listen(kind, topic)
    client.wait(lambda: client.diagnostics() and client.diagnostics()["node"].message == "active")
    yield client
    client.close()
