"""The node while its model loads: services respond, and the settings being loaded cannot be changed."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter

from test.ros.conftest import Client, NodeUnderTest, call


@pytest.fixture
def loading(tmp_path):
    """A client of a node that loads a model, and the file that ends this."""
    gate = tmp_path / "gate"
    options = {"backend": "test.ros.gated_backend:load", "model_options": f"'{{gate: {gate}}}'"}
    node = NodeUnderTest(tmp_path / "log", name="loading_node", **options)
    client = Client("loading_node")
    try:
        client.wait(lambda: client.diagnostics() and "loading" in client.diagnostics()["node"].message)
        yield client, gate
    finally:
        client.close()
        assert node.stop() == 0, node.log.read_text()


def change_parameter(client, name, value):
    parameter = Parameter(name, value=value).to_parameter_msg()
    (result,) = call(client, SetParameters, "set_parameters", parameters=[parameter]).results
    return result


def test_what_only_asks_is_answered_while_the_model_loads_and_a_second_transition_waits(loading):
    client, gate = loading
    caller = client.node.create_client(ChangeState, "loading_node/change_state")
    client.wait(caller.service_is_ready)
    deactivated = caller.call_async(
        ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    )
    state = call(client, GetState, "get_state").current_state
    assert state.id == State.TRANSITION_STATE_CONFIGURING
    assert call(client, GetAvailableStates, "get_available_states").available_states
    (max_age,) = call(client, GetParameters, "get_parameters", names=["max_age"]).values
    assert max_age.double_value == 10.0
    gate.touch()
    assert client.result_of(deactivated).success  # once it was active


def test_what_configures_the_model_is_frozen_and_what_is_live_is_not(loading):
    client, gate = loading
    refused = change_parameter(client, "model", "another")
    assert not refused.successful
    assert "clean it up first" in refused.reason
    assert change_parameter(client, "max_depth", 5.0).successful
    gate.touch()
    client.wait(lambda: client.diagnostics()["node"].message == "active")
