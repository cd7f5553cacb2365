"""Whole numbers for float parameters, on a node; see test_parameters.py for those of segment_node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
from rclpy.parameter import Parameter

from instructsam_ros.ros.float_parameters import declare, take_whole_numbers


@pytest.mark.parametrize(
    ("default", "given", "declared"), [(1.0, 5, 5.0), (1.0, 0.5, 0.5), (1, 5, 5), ("", "a", "a")]
)
def test_only_a_whole_number_for_a_float_is_converted(default, given, declared):
    node = SimpleNamespace(_parameter_overrides={"x": Parameter("x", value=given)})
    node.declare_parameter = lambda name, *_: node._parameter_overrides[name]
    value = declare(node, "x", default, None)
    assert (value, type(value)) == (declared, type(declared))


def test_a_node_without_the_callback_of_newer_ros_is_left_as_it_is():
    take_whole_numbers(SimpleNamespace())
