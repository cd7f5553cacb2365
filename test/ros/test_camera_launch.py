"""Launch files of cameras, with a stand-in for the driver, where launch is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("launch_ros")  # "launch" is also a folder here

from instructsam_ros.ros.camera_launch import DRIVERS
from test.ros.conftest import WAIT
from test.ros.test_launch import PROGRAM, ROOT, prefix

DRIVER = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction


def say(context):
    return [LogInfo(msg=f"driver got {sorted(context.launch_configurations.items())}")]


def generate_launch_description():
    return LaunchDescription([OpaqueFunction(function=say)])
"""
NODE = """#!/bin/sh
echo "node got $FASTDDS_DEFAULT_PROFILES_FILE $@"
for file; do [ ! -f "$file" ] || grep "model:" "$file"; done
"""


@pytest.fixture
def launch(tmp_path):
    """Run a launch file among stand-ins for drivers and node, and return what was printed."""
    place = prefix(tmp_path)
    (place / "lib/instructsam_ros/segment_node").write_text(NODE)
    for driver in DRIVERS.values():
        folder = place / "share" / driver.package / "launch"
        folder.mkdir(parents=True)
        (folder / driver.launch_file).write_text(DRIVER)
        (place / "share/ament_index/resource_index/packages" / driver.package).touch()

    def run(file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, str(ROOT / "launch" / file), *arguments]
        names = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
        environment = {name: value for name, value in os.environ.items() if name not in names}
        environment["AMENT_PREFIX_PATH"] = str(place)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT)

    return run


@pytest.mark.parametrize("kind", list(DRIVERS))
def test_the_node_hears_the_topics_of_the_driver_under_its_name(launch, kind):
    driver = DRIVERS[kind]
    done = launch(f"{kind}.launch.py", "name:=wrist", "driver_arguments:={serial: 12, fast: true}")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    got, node = (
        next(line for line in said.splitlines() if f"{who} got" in line) for who in ("driver", "node")
    )
    wanted = {**driver.arguments, driver.name: "wrist", "serial": "12", "fast": "true"}
    assert all(str(pair) in got for pair in wanted.items())
    assert "params_file" not in got
    for topic, name in {"image": driver.image, "depth": driver.depth, "camera_info": driver.info}.items():
        assert f"-r {topic}:=/wrist/{name}" in node
    assert "-r __ns:=/wrist" in node
    assert Path(node.split("node got ")[1].split()[0]).name == "fastdds.xml"


def test_the_model_is_that_for_cameras_unless_another_is_named(launch, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("/**: {ros__parameters: {device: cpu}}")
    told = [
        launch("oak.launch.py", "driver:=false", *given)
        for given in ([], ["model:=fake"], [f"params_file:={own}"])
    ]
    models = [re.findall(r"model: (\w+)$", done.stdout + done.stderr, re.MULTILINE) for done in told]
    assert models == [["compact_real"], ["fake"], []]


def test_several_cameras_have_a_namespace_each_and_do_not_share_arguments(launch):
    cameras = "cameras:={wrist: {kind: realsense, serial_no: _12}, table: oak}"
    done = launch("cameras.launch.py", cameras, "model:=fake", "instruction:=the mug")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    wrist, table = (line for line in said.splitlines() if "driver got" in line)
    assert "('serial_no', '_12')" in wrist
    assert "serial_no" not in table
    nodes = sorted(line for line in said.splitlines() if "node got" in line)
    assert len(nodes) == 2
    assert {"table", "wrist"} == {node.split("__ns:=/")[1].split()[0] for node in nodes}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["cameras.launch.py", "cameras:={wrist: kinect}"], "wrist is 'kinect'; known: realsense, zed"),
        (["cameras.launch.py", "cameras:={}"], "cameras is empty"),
    ],
)
def test_what_cannot_be_started_is_named(launch, arguments, reason):
    done = launch(*arguments)
    assert done.returncode != 0
    assert reason in done.stdout + done.stderr
    assert "node got" not in done.stdout + done.stderr


def test_a_driver_that_is_not_installed_is_named_and_can_be_left_out(launch, tmp_path):
    (tmp_path / "share/ament_index/resource_index/packages" / DRIVERS["oak"].package).unlink()
    done = launch("oak.launch.py")
    assert "depthai_ros_driver is not installed" in done.stdout + done.stderr
    assert launch("oak.launch.py", "driver:=false").returncode == 0
