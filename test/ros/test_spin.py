"""What keeps a node up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from instructsam_ros.ros.spin import use_shipped_profile
from instructsam_ros.transport import NEW, OLD

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


@pytest.mark.parametrize(
    ("distro", "own", "set_to"),
    [("jazzy", NEW, OLD), ("jazzy", OLD, None), ("kilted", OLD, None), ("kilted", "", NEW), ("", NEW, None)],
)
def test_the_profile_of_the_package_stands_in_for_one_that_is_read(monkeypatch, distro, own, set_to):
    for name in (NEW, OLD):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DISTRO", distro)
    if own:
        monkeypatch.setenv(own, "own.xml")
    use_shipped_profile()
    shipped = {name for name in (NEW, OLD) if os.environ.get(name, "own.xml") != "own.xml"}
    assert shipped == ({set_to} if set_to else set())
