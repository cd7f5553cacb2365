"""The launch file, where launch is installed: it starts the node, which answers on the remapped topics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Client

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
    """An install prefix with this checkout's launch and config and the node as its program."""
    share, lib = tmp_path / "share", tmp_path / "lib" / "instructsam_ros"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/instructsam_ros").touch()
    (share / "instructsam_ros").mkdir()
    for name in ("launch", "config"):
        (share / "instructsam_ros" / name).symlink_to(ROOT / name)
    lib.mkdir(parents=True)
    program = lib / "segment_node"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m instructsam_ros.ros.segment_node "$@"\n')
    program.chmod(0o755)
    return tmp_path


def test_the_launched_node_answers_on_the_topics_it_was_given(tmp_path):
    path = os.pathsep.join([str(prefix(tmp_path)), os.environ.get("AMENT_PREFIX_PATH", sys.prefix)])
    topics = [f"{name}:=/{name}" for name in ("image", "depth", "camera_info")]
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", PROGRAM, str(ROOT / "launch/segment.launch.py")),
            *("model:=fake", "namespace:=left", *topics),
        ],
        env={**os.environ, "AMENT_PREFIX_PATH": path},
    )
    client = Client("left/segment_node")
    try:
        response = client.ask("the red thing")
        assert [i.phrase for i in response.result.instances] == ["red"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        client.close()
