"""The launch file, where launch is installed: it starts nodes that communicate."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rcl_interfaces.srv import GetParameters

from test.ros.conftest import WAIT, Client, call

pytest.importorskip("launch_ros")  # "launch" is also a folder here

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(a.split(":=")) for a in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
included = IncludeLaunchDescription(source, launch_arguments=arguments)
service = LaunchService()
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


def prefix(tmp_path: Path) -> Path:
    """An install prefix with this checkout's launch and config and the nodes as its programs."""
    share, lib = tmp_path / "share", tmp_path / "lib" / "instructsam_ros"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/instructsam_ros").touch()
    (share / "instructsam_ros").mkdir()
    for name in ("launch", "config"):
        (share / "instructsam_ros" / name).symlink_to(ROOT / name)
    lib.mkdir(parents=True)
    for module in ("segment_node", "cameras.replay_camera_node", "cameras.rendered_camera_node"):
        program = lib / module.rsplit(".")[-1]
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m instructsam_ros.ros.{module} "$@"\n')
        program.chmod(0o755)
    return tmp_path


@pytest.fixture
def launched(tmp_path):
    """Run the launch file with arguments; it must end cleanly on Ctrl-C."""
    path = os.pathsep.join([str(prefix(tmp_path)), os.environ.get("AMENT_PREFIX_PATH", sys.prefix)])
    processes = []

    def launch(*arguments):
        command = [sys.executable, "-c", PROGRAM, str(ROOT / "launch/segment.launch.py"), *arguments]
        environment = {**os.environ, "AMENT_PREFIX_PATH": path}
        processes.append(subprocess.Popen(command, env=environment, start_new_session=True))

    yield launch
    for process in processes:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it; launch relies on that
        try:
            assert process.wait(WAIT) == 0
        finally:
            process.kill()


@pytest.fixture
def client():
    client = Client("left/segment_node")
    yield client
    client.close()


def test_the_launched_node_answers_on_the_topics_it_was_given(launched, client):
    topics = [f"{name}:=/{name}" for name in ("image", "depth", "camera_info")]
    launched("model:=fake", "namespace:=left", *topics)
    client.wait(lambda: client.diagnostics() and client.diagnostics()["node"].message == "active")
    response = client.ask("the red thing")
    assert [i.phrase for i in response.result.instances] == ["red"]


@pytest.mark.parametrize("camera", ["replay", "rendered"])
def test_a_camera_feeds_the_node_with_the_instruction_as_text(launched, client, camera):
    if camera == "rendered":
        pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)
    launched("model:=fake", "namespace:=left", f"camera:={camera}", "instruction:=7")
    answer = client.wait(lambda: client.heard["instances"])[0]
    assert answer.instruction == "7"
    assert (answer.image_width, answer.image_height) == (640, 480)


@pytest.mark.parametrize(
    ("argument", "said"),
    [("rviz:=true", "needs rviz2"), ("params_file:=/nowhere.yaml", "there is no params_file /nowhere.yaml")],
)
def test_what_cannot_work_is_said_before_anything_starts(tmp_path, argument, said):
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "launch/segment.launch.py"), "model:=fake", argument]
    done = subprocess.run(
        command,
        env={**os.environ, "AMENT_PREFIX_PATH": str(prefix(tmp_path))},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "process started" not in done.stdout + done.stderr


def test_every_node_takes_simulated_time(launched, client):
    launched("model:=fake", "namespace:=left", "camera:=replay", "use_sim_time:=true")
    for name in ("segment_node", "replay_camera_node"):
        client.name = f"left/{name}"
        (value,) = call(client, GetParameters, "get_parameters", names=["use_sim_time"]).values
        assert value.bool_value
