"""``segment_node FILE key=value`` in the terms of ROS."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.arguments import ros_arguments


def test_ros_arguments_stay_as_they_are() -> None:
    given = ["--ros-args", "-p", "model:=fake", "-r", "image:=/camera"]
    assert ros_arguments(given) == given
    assert ros_arguments([]) == []


def test_a_file_and_overrides_come_before_the_users_own_ros_arguments() -> None:
    assert ros_arguments(["robot.yaml", "use_depth=false", "--ros-args", "-p", "max_requests:=2"]) == [
        *("--ros-args", "--params-file", "robot.yaml", "-p", "use_depth:=false", "--"),
        *("--ros-args", "-p", "max_requests:=2"),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("instruction=yes", 'instruction:="yes"'),
        ("instruction=the mug=cup", 'instruction:="the mug=cup"'),
        ("model_options={dtype: bfloat16}", 'model_options:="{dtype: bfloat16}"'),
        ("max_age=5", "max_age:=5.0"),
        ("max_age=0.5", "max_age:=0.5"),
        ("max_requests=5", "max_requests:=5"),
    ],
)
def test_values_have_the_type_of_their_parameter(given: str, expected: str) -> None:
    assert ros_arguments([given])[2] == expected


def test_a_second_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'other.yaml' is no key=value; usage: segment_node \[FILE\]"):
        ros_arguments(["robot.yaml", "other.yaml"])


def test_rcl_reads_the_translation(tmp_path: Path) -> None:
    rclpy = pytest.importorskip("rclpy")
    from rclpy.context import Context
    from rclpy.node import Node

    file = tmp_path / "robot.yaml"
    file.write_text("/**:\n  ros__parameters: {model: fake, max_age: 3.0, instruction: of the file}\n")
    context = Context()
    overrides = ["max_age=7", "instruction=no", "model_options={dtype: bfloat16}"]
    rclpy.init(args=ros_arguments([str(file), *overrides]), context=context)
    node = Node("segment_node", context=context, automatically_declare_parameters_from_overrides=True)
    try:
        found = {name: parameter.value for name, parameter in node.get_parameters_by_prefix("").items()}
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
    expected = {"model": "fake", "max_age": 7.0, "instruction": "no", "model_options": "{dtype: bfloat16}"}
    assert {name: found[name] for name in expected} == expected
