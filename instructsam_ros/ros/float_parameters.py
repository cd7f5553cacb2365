"""Whole numbers as values of float parameters: ``5`` where ROS, which never converts, wants ``5.0``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def declare(node: Any, name: str, default: Any, descriptor: Any) -> Any:
    """Declare a parameter and return its value; a whole number given at the start for a float is taken.

    Raises rclpy's ParameterException for a value of another type or out of range.
    """
    overrides = node._parameter_overrides  # no public way to read one before it is declared
    if isinstance(default, float) and name in overrides:
        overrides[name] = _as_float(overrides[name])
    return node.declare_parameter(name, default, descriptor).value


def take_whole_numbers(node: Any) -> None:
    """Take whole numbers for the declared float parameters of a running node, too (``ros2 param set``)."""
    from rclpy.parameter import Parameter

    def convert(parameters: Sequence[Any]) -> list[Any]:
        return [_as_float(p) if _type_of(node, p.name) == Parameter.Type.DOUBLE else p for p in parameters]

    if hasattr(node, "add_pre_set_parameters_callback"):  # ROS 2 Humble has none, and goes on refusing them
        node.add_pre_set_parameters_callback(convert)


def _type_of(node: Any, name: str) -> Any:
    return node.get_parameter(name).type_ if node.has_parameter(name) else None


def _as_float(parameter: Any) -> Any:
    from rclpy.parameter import Parameter

    if parameter.type_ != Parameter.Type.INTEGER:
        return parameter
    return Parameter(parameter.name, Parameter.Type.DOUBLE, float(parameter.value))
