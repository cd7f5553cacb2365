"""Parameters without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
import rclpy
import rclpy.node
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.parameters import NodeSettings, ParameterStore


@pytest.mark.parametrize("text", ["{x: 2001-99-99}", "{x: !!int a}", "!!timestamp a", "[" * 5000, "{x: "])
def test_options_that_yaml_cannot_make_sense_of_are_named(text):
    with pytest.raises(ConfigError, match="model_options is not valid YAML"):
        NodeSettings(model_options=text)


def test_a_change_is_answered_whatever_fails():
    checks = []
    node = SimpleNamespace(
        _parameter_overrides={},
        declare_parameter=lambda _name, default, _descriptor: SimpleNamespace(value=default),
        add_on_set_parameters_callback=checks.append,
        add_post_set_parameters_callback=lambda _callback: None,
    )

    def configured():
        raise RuntimeError("a fault of ours")

    ParameterStore(node, configured)
    result = checks[0]([])
    assert (result.successful, result.reason) == (False, "a fault of ours")


@pytest.fixture
def running():
    """Make nodes with a ParameterStore, from overrides; they are not configured."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    nodes = []

    def make(**overrides):
        given = [Parameter(name, value=value) for name, value in overrides.items()]
        nodes.append(rclpy.create_node("parameters", context=context, parameter_overrides=given))
        return nodes[-1], ParameterStore(nodes[-1], lambda: False)

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_no_peer_chooses_the_server_that_gets_pictures_and_key(running):
    own, other = "{url: 'http://own/v1'}", "{url: 'http://other/v1', chat: {key_variable: HOME}}"
    for node, store in (running(backend="agent", model_options=own), running()):
        changes = [Parameter("model_options", value=other), Parameter("backend", value="agent")]
        result = node.set_parameters_atomically(changes)
        assert not result.successful
        assert "any peer could name one" in result.reason
        assert "other" not in store.current.model_options
    node, store = running(allow_backend_import=True)
    assert node.set_parameters_atomically(changes).successful


def test_a_whole_number_does_for_a_float_at_the_start_and_later(running):
    node, store = running(max_age=5)
    assert store.current.max_age == 5.0
    (result,) = node.set_parameters([Parameter("max_depth", value=4)])
    assert result.successful, result.reason
    assert (store.current.max_depth, node.get_parameter("max_depth").value) == (4.0, 4.0)
    (result,) = node.set_parameters([Parameter("max_depth", value=4000)])
    assert not result.successful
    with pytest.raises(InvalidParameterTypeException):
        running(max_age="soon")


class HumbleNode(rclpy.node.Node):
    """A node as in ROS 2 Humble, whose rclpy has two kinds of callbacks less."""

    @property
    def add_post_set_parameters_callback(self):
        raise AttributeError

    @property
    def add_pre_set_parameters_callback(self):
        raise AttributeError


def test_in_humble_a_change_is_checked_and_taken_over(running, monkeypatch):
    monkeypatch.setattr(rclpy, "create_node", HumbleNode)
    node, store = running(max_age=5)
    (result,) = node.set_parameters([Parameter("max_depth", value=4.0)])
    assert result.successful, result.reason
    assert store.current.max_depth == 4.0
    (result,) = node.set_parameters([Parameter("max_depth", value=0.05)])
    assert not result.successful
    assert "must be below max_depth" in result.reason
    assert store.current.max_depth == node.get_parameter("max_depth").value == 4.0


def test_code_is_imported_only_where_who_started_the_node_chose_it(running):
    own, other = "my_package.brightest:load", "os:abort"
    node, store = running(backend=own)
    (result,) = node.set_parameters([Parameter("backend", value=other)])
    assert not result.successful
    assert "allow_backend_import" in result.reason
    for backend in ("fake", own):  # a key of the package, and back
        (result,) = node.set_parameters([Parameter("backend", value=backend)])
        assert result.successful, result.reason
        assert store.current.backend == backend
    (result,) = node.set_parameters([Parameter("allow_backend_import", value=True)])
    assert not result.successful
    node, store = running(allow_backend_import=True)
    (result,) = node.set_parameters([Parameter("backend", value=other)])
    assert result.successful, result.reason
