"""Parameters without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.parameters import NodeSettings, ParameterStore


@pytest.mark.parametrize("text", ["{x: 2001-99-99}", "{x: !!int a}", "!!timestamp a", "[" * 5000, "{x: "])
def test_options_that_yaml_cannot_make_sense_of_are_named(text):
    with pytest.raises(ConfigError, match="model_options is not valid YAML"):
        NodeSettings(model_options=text)


def test_a_change_is_answered_whatever_fails():
    checks = []
    node = SimpleNamespace(
        declare_parameter=lambda _name, default, _descriptor: SimpleNamespace(value=default),
        add_on_set_parameters_callback=checks.append,
        add_post_set_parameters_callback=lambda _callback: None,
    )

    def configured():
        raise RuntimeError("a fault of ours")

    ParameterStore(node, configured)
    result = checks[0]([])
    assert (result.successful, result.reason) == (False, "a fault of ours")
