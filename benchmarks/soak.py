"""Hours of what a robot does to the node in a week: memory and counts over time.

    python -m benchmarks.soak --minutes 60

In turns, of ten seconds each: lifecycle cycles under load, a hundred instructions a second, and nothing but
the camera, which is killed and started again every 20 s all the while. A line per minute; the last ones say
how much the memory has grown since the first, and whether the node still answers.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.command import positive_int, run
from benchmarks.node_latency import write_scene
from benchmarks.process_usage import ProcessUsage
from instructsam_ros.process_defaults import set_process_defaults
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.node_main import use_shipped_profile
from instructsam_ros.ros.node_process import NodeProcess

CAMERA_LIFE = 20.0
TURN = 10.0
INSTRUCTIONS_PER_SECOND = 100
INSTRUCTIONS = ("all the mugs", "the bowl", "the largest mug", "everything")
TRANSITIONS = {"deactivate": 4, "cleanup": 2, "configure": 1, "activate": 3}
"""Name -> id in lifecycle_msgs/Transition, in the order of one cycle."""
TRANSITION_TIMEOUT = 120.0
ANSWER_TIMEOUT = 60.0


class Peer:
    """Client that gives instructions, changes states and counts answers."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from lifecycle_msgs.srv import ChangeState
        from rclpy.executors import SingleThreadedExecutor
        from std_msgs.msg import String

        from instructsam_ros.msg import InstanceArray
        from instructsam_ros.ros.qos import OUTPUT

        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("soak_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._instruction = self._node.create_publisher(String, "instruction", 10)
        self._node.create_subscription(InstanceArray, "segment_node/instances", self._on_answer, OUTPUT)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 5)
        self._change = self._node.create_client(ChangeState, "segment_node/change_state")
        self._make_request, self._make_text = ChangeState.Request, String
        self.answers = self.cycles = self.instructions = self.refused = 0
        self.counts: dict[str, str] = {}

    def spin(self, seconds: float) -> None:
        """Serve callbacks for some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def instruct(self, text: str) -> None:
        """Publish an instruction."""
        self._instruction.publish(self._make_text(data=text))
        self.instructions += 1

    def cycle(self) -> None:
        """Take the node through one lifecycle cycle; a transition that fails counts as refused."""
        for number in TRANSITIONS.values():
            request = self._make_request()
            request.transition.id = number
            done = self._change.call_async(request)
            end = time.monotonic() + TRANSITION_TIMEOUT
            while not done.done() and time.monotonic() < end:
                self._executor.spin_once(timeout_sec=0.1)
            if not done.done():
                raise TimeoutError(f"a transition took longer than {TRANSITION_TIMEOUT:g} s")
            self.refused += not done.result().success
        self.cycles += 1

    def close(self) -> None:
        import rclpy

        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _on_answer(self, _message: Any) -> None:
        self.answers += 1

    def _on_diagnostics(self, message: Any) -> None:
        self.counts = {item.key: item.value for status in message.status for item in status.values}


class Camera:
    """A camera process that is killed and started again when it has lived for CAMERA_LIFE seconds."""

    def __init__(self, parameters: dict[str, Any], log: Path) -> None:
        self._parameters, self._log = parameters, log
        self.kills = -1
        self._since = 0.0
        self._process: NodeProcess | None = None
        self.renew()

    def renew(self) -> None:
        """Kill the process if it is old enough, and start the next."""
        if self._process is not None:
            if time.monotonic() - self._since < CAMERA_LIFE:
                return
            self._process.kill()
        self.kills += 1
        self._since = time.monotonic()
        self._process = NodeProcess(
            "instructsam_ros.ros.cameras.replay_camera_node", self._parameters, self._log
        )

    def close(self) -> None:
        if self._process is not None:
            self._process.stop()


def take_turns(peer: Peer, camera: Camera, end: float, report: Any) -> None:
    """Load the node until ``end``, time.monotonic()."""
    for turn in itertools.cycle(("cycles", "instructions", "camera")):
        turn_end = min(time.monotonic() + TURN, end)
        for text in itertools.cycle(INSTRUCTIONS):
            if time.monotonic() >= turn_end:
                break
            camera.renew()
            if turn == "cycles":
                peer.spin(0.5)
                peer.cycle()
            elif turn == "instructions":
                peer.instruct(text)
                peer.spin(1 / INSTRUCTIONS_PER_SECOND)
            else:
                peer.spin(0.5)
        report()
        if time.monotonic() >= end:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--minutes", type=positive_int, default=60)
    parser.add_argument(
        "--size", type=positive_int, nargs=2, default=(1280, 720), metavar=("WIDTH", "HEIGHT")
    )
    args = parser.parse_args()
    set_process_defaults()
    os.environ["ROS_DOMAIN_ID"] = str(reserve_domain())
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    use_shipped_profile()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scene = write_scene(folder, *args.size)
        files = {"image": str(scene.image), "depth": str(scene.depth), "info": str(scene.info), "rate": 30.0}
        parameters = {"model": args.model, "instruction": INSTRUCTIONS[0]}
        node = stack.enter_context(
            NodeProcess("instructsam_ros.ros.segment_node", parameters, folder / "node.log")
        )
        peer = Peer()
        stack.callback(peer.close)
        camera = Camera(files, folder / "camera.log")
        stack.callback(camera.close)
        _await_answer(peer, node)
        usage, began, memories, next_line = ProcessUsage(node.pid), time.monotonic(), [], [0.0]

        def report() -> None:
            node.check()
            memories.append(usage.memory_mib())
            if (now := time.monotonic() - began) >= next_line[0]:
                next_line[0] = now + 60
                print(
                    f"{now:6.0f} s  {memories[-1]:5.0f} MiB ({usage.shared_mib():.0f} shared)"
                    f"  {peer.cycles} cycles ({peer.refused} refused)  {peer.instructions} instructions"
                    f"  {camera.kills} cameras killed  {peer.answers} answers",
                    flush=True,
                )

        report()
        take_turns(peer, camera, began + 60 * args.minutes, report)
        _await_answer(peer, node)
        quarter = max(len(memories) // 4, 1)
        growth = max(memories[-quarter:]) - max(memories[:quarter])
        print(f"memory at most {max(memories):.0f} MiB; last quarter against the first {growth:+.0f} MiB")
        print(
            "it answers; "
            + ", ".join(f"{key} {value}" for key, value in peer.counts.items() if value.isdigit())
        )


def _await_answer(peer: Peer, node: NodeProcess) -> None:
    before, end = peer.answers, time.monotonic() + ANSWER_TIMEOUT
    while peer.answers == before:
        node.check()
        if time.monotonic() > end:
            raise TimeoutError(f"no answer within {ANSWER_TIMEOUT:g} s; {node.tail()}")
        peer.instruct(INSTRUCTIONS[0])
        peer.spin(1.0)


if __name__ == "__main__":
    run(main)
