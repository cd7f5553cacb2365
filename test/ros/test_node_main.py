"""Errors in callbacks, signals, arguments and logs of a node."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from instructsam_ros.ros.logs import LONGEST
from instructsam_ros.ros.node_main import OLD_PROFILE_VARIABLE as OLD
from instructsam_ros.ros.node_main import PROFILE_VARIABLE as NEW
from instructsam_ros.ros.node_main import profile_variables, use_shipped_profile

PROGRAM = """
from rclpy.node import Node
from instructsam_ros.ros.node_main import spin


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
    [
        ("jazzy", NEW, OLD),
        ("jazzy", OLD, None),
        ("kilted", OLD, None),
        ("kilted", "", NEW),
    ],
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


@pytest.mark.parametrize(("package", "names"), [("fastrtps", (OLD,)), ("other", (NEW, OLD))])
def test_wheels_from_pypi_name_no_distribution_but_their_fast_dds(package, names, monkeypatch):
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == package else None)
    assert profile_variables() == names


LOGGING = """
import logging
from rclpy.node import Node
from instructsam_ros.ros.node_main import spin


class Logging(Node):
    def __init__(self, stop):
        super().__init__("logging_node")
        self.stop = stop
        self.declare_parameter("max_depth", 1.0)
        self.create_timer(0.01, self.work)

    def work(self):
        logger = logging.getLogger("instructsam_ros.models")
        logger.warning("this model does not know %r", "drill" * 1000)
        logger.error("the weights are gone")
        self.stop.set()

    def close(self):
        pass


raise SystemExit(spin(Logging, 2, ["--ros-args", "-p", "max_dept:=2.0", "-p", "zzz:=1"]))
"""


def test_what_the_package_logs_and_what_is_no_parameter_comes_through_the_node():
    run = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    told = [line.split("[logging_node]: ")[1] for line in run.stderr.splitlines() if "[logging_node]" in line]
    assert "there is no parameter max_dept; did you mean max_depth?" in told
    assert "there is no parameter zzz" in told
    (unknown,) = {text for text in told if "does not know" in text}  # the timer may have come twice
    assert unknown.startswith("this model does not know 'drill")
    assert len(unknown) == LONGEST
    assert "the weights are gone" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--params-file", "/no/such/file.yaml"], "/no/such/file.yaml"),
        (["-p", "bad"], "'-p bad'"),
        (["-r", "bad"], "'-r bad'"),
        (["--no-such-option"], "--no-such-option"),
        (["-p", "rate:=.inf"], "rate is inf; it must be between 0.01 and 1000.0 Hz"),
        (["-p", "rate:=.nan"], "rate is nan"),
        (["-p", "rate:=0.0"], "rate is 0.0"),
    ],
)
def test_arguments_that_cannot_be_used_are_named_in_one_line(arguments, said):
    program = [sys.executable, "-m", "instructsam_ros.ros.cameras.replay_camera_node", "--ros-args"]
    run = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert said in run.stderr.splitlines()[-1]
