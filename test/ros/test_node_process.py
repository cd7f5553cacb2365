import os
import sys
import time
from pathlib import Path

import pytest

from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros import node_process
from instructsam_ros.ros.node_process import NodeProcess


@pytest.fixture
def start(tmp_path: Path, monkeypatch):
    """Start a node process that runs the given code."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start(code: str, **parameters: object) -> NodeProcess:
        (tmp_path / "a_node.py").write_text(code)
        return NodeProcess("a_node", parameters, tmp_path / "a_node.log")

    return start


def wait_until_ready(node: NodeProcess) -> None:
    deadline = time.monotonic() + 20
    while not node.tail().endswith("ready"):
        node.check()
        assert time.monotonic() < deadline, node.tail()
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


SLEEPER = "import os, sys, time; print({}, 'ready', flush=True); time.sleep(60)"
PID = SLEEPER.format("os.getpid()")


def test_the_child_is_gone_after_the_block(start):
    with start(PID) as node:
        wait_until_ready(node)
        node.check()
        pid = int(node.tail().split()[-2])
        assert is_alive(pid)
    assert not is_alive(pid)


def test_the_child_is_gone_after_an_error_in_the_block(start):
    with pytest.raises(ZeroDivisionError), start(PID) as node:  # noqa: PT012
        wait_until_ready(node)
        pid = int(node.tail().split()[-2])
        _ = 1 / 0
    assert not is_alive(pid)


def test_a_child_that_ignores_the_request_is_ended_by_force(start, monkeypatch):
    monkeypatch.setattr(node_process, "STOP_SECONDS", 0.2)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PID
    with start(ignore) as node:
        wait_until_ready(node)
        pid = int(node.tail().split()[-2])
    assert not is_alive(pid)


def test_a_child_that_ends_by_itself_is_reported_with_its_log(start):
    said = pytest.raises(InstructSamError, match=r"(?s)a_node ended with status 3.*no such camera")
    with start("import sys; print('no such camera'); sys.exit(3)") as node, said:
        wait_until_ready(node)


def test_parameters_arrive_as_ros_arguments(start):
    with start(SLEEPER.format("sys.argv[1:]"), name="the red mug", rate=5.0, flag=True) as node:
        wait_until_ready(node)
        assert (
            "['--ros-args', '-p', 'name:=\"the red mug\"', '-p', 'rate:=5.0', '-p', 'flag:=true']"
            in node.tail()
        )


def test_it_runs_in_this_interpreter_and_in_its_own_session(start):
    with start(SLEEPER.format("sys.executable, os.getsid(0) == os.getpid()")) as node:
        wait_until_ready(node)
        assert f"{sys.executable} True" in node.tail()
    node.stop()  # once more does no harm


def test_a_killed_child_is_gone_at_once(start):
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PID
    with start(ignore) as node:
        wait_until_ready(node)
        node.kill()
        assert not is_alive(node.pid)
