"""What keeps a node up."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from rclpy.node import Node
from instructsam_ros.ros.spin import spin


class Faulty(Node):
    def __init__(self, stop):
        super().__init__("faulty_node")
        self.left = 5
        self.stop = stop
        self.create_timer(0.01, self.fail)
        self.create_timer(0.05, self.work)

    def fail(self):
        raise KeyError("a fault in a callback")

    def work(self):
        self.left -= 1
        if not self.left:
            print("it went on", flush=True)
            self.stop.set()

    def close(self):
        pass


raise SystemExit(spin(Faulty, 2))
"""


def test_a_callback_that_raises_is_logged_and_the_node_goes_on():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "it went on" in run.stdout
    assert "a callback failed" in run.stderr
    assert "a fault in a callback" in run.stderr
