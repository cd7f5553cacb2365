"""Lifecycle and parameters of the running node."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from std_msgs.msg import String
from visualization_msgs.msg import Marker

from instructsam_ros.srv import SegmentOnce
from test.ros.conftest import Client, NodeUnderTest, call, change, started


def state(client):
    return call(client, GetState, "get_state").current_state.id


def set_one(client, name, value):
    (result,) = call(
        client, SetParameters, "set_parameters", parameters=[Parameter(name, value=value).to_parameter_msg()]
    ).results
    return result


def test_a_corrupt_model_leaves_the_node_up_to_be_corrected(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{not json")
    node = NodeUnderTest(tmp_path / "log", name="corrupt_node", model=folder)
    client = Client("corrupt_node")
    try:
        client.wait(lambda: client.diagnostics() and client.diagnostics()["node"].level == b"\x02")
        assert state(client) == State.PRIMARY_STATE_UNCONFIGURED
        assert str(folder) in client.diagnostics()["node"].message
        refused = call(client, SegmentOnce, "segment_once", instruction="the red thing")
        assert refused.error_code == SegmentOnce.Response.ERROR_NOT_ACTIVE
        assert set_one(client, "model", "fake").successful
        assert change(client, Transition.TRANSITION_CONFIGURE)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        assert client.ask("the red thing").error_code == SegmentOnce.Response.ERROR_NONE
    finally:
        client.close()
        assert node.stop() == 0


def test_an_instruction_set_before_configuring_is_the_one_to_begin_with(tmp_path):
    node = NodeUnderTest(tmp_path / "log", name="late_node", model="fake", autostart=False)
    client = Client("late_node")
    try:
        refused = set_one(client, "instruction", "   ")
        assert not refused.successful
        assert "instruction is empty" in refused.reason
        broken = set_one(client, "model_options", "{x: 2001-99-99}")
        assert not broken.successful
        assert "model_options is not valid YAML" in broken.reason
        assert set_one(client, "instruction", "the red thing").successful
        assert change(client, Transition.TRANSITION_CONFIGURE)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        client.wait(lambda: client.heard["active_instruction"])
        assert client.heard["active_instruction"][-1].data == "the red thing"
    finally:
        client.close()
        assert node.stop() == 0


@pytest.mark.skipif(find_spec("tf2_ros") is not None, reason="tf2_ros is installed")
def test_a_target_frame_without_tf_is_refused_at_configure(tmp_path):
    node = NodeUnderTest(tmp_path / "log", name="frame_node", model="fake", target_frame="base_link")
    client = Client("frame_node")
    try:
        client.wait(lambda: client.diagnostics() and client.diagnostics()["node"].level == b"\x02")
        assert "tf2_ros" in client.diagnostics()["node"].message
        assert set_one(client, "target_frame", "").successful
        assert change(client, Transition.TRANSITION_CONFIGURE)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        assert "tf2_ros" in set_one(client, "target_frame", "base_link").reason
        assert "up_frame needs tf2_ros" in set_one(client, "up_frame", "odom").reason
        assert client.ask("the red thing").error_code == SegmentOnce.Response.ERROR_NONE
    finally:
        client.close()
        assert node.stop() == 0


def test_without_a_clock_in_simulated_time_the_node_starts_and_reports(tmp_path):
    with started(tmp_path, "sim_node", model="fake", use_sim_time=True) as (_, client):
        before = len(client.heard["diagnostics"])
        client.wait(lambda: len(client.heard["diagnostics"]) > before + 1)


def test_deactivated_it_refuses_and_activated_again_it_answers(client):
    active = client.heard["active_instruction"]
    client.wait(lambda: active, lambda: client.instruction.publish(String(data="the red thing")))
    assert change(client, Transition.TRANSITION_DEACTIVATE)
    client.wait(lambda: active[-1].data == "")
    refused = call(client, SegmentOnce, "segment_once", instruction="the red thing")
    assert refused.error_code == SegmentOnce.Response.ERROR_NOT_ACTIVE
    assert change(client, Transition.TRANSITION_CLEANUP)
    assert change(client, Transition.TRANSITION_CONFIGURE)
    assert change(client, Transition.TRANSITION_ACTIVATE)
    assert state(client) == State.PRIMARY_STATE_ACTIVE
    client.wait(lambda: active[-1].data == "the red thing")
    assert client.ask("the red thing").error_code == SegmentOnce.Response.ERROR_NONE


def test_markers_are_taken_back_at_deactivation(client):
    client.instruction.publish(String(data="the red thing"))
    markers = client.heard["markers"]
    client.wait(lambda: markers and len(markers[-1].markers) > 1, client.send)
    assert change(client, Transition.TRANSITION_DEACTIVATE)
    client.wait(lambda: [m.action for m in markers[-1].markers] == [Marker.DELETEALL])
    assert change(client, Transition.TRANSITION_ACTIVATE)


def test_a_live_parameter_changes_the_next_answer(client):
    assert set_one(client, "depth_wait", 10.0).successful  # on a busy machine depth may come late
    assert set_one(client, "max_depth", 0.7).successful
    assert set_one(client, "min_depth", 0.6).successful
    assert client.ask("the red thing").result.instances[0].valid_depth_ratio == 0.0
    assert set_one(client, "min_depth", 0.1).successful
    assert client.ask("the red thing").result.instances[0].valid_depth_ratio > 0.9


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("model", "compact", "configure"),
        ("score_threshold", 1.5, "score_threshold"),
        ("min_depth", 100.0, "max_depth"),
        ("max_age", "soon", "type"),
    ],
)
def test_a_bad_change_is_refused_with_its_reason(client, name, value, reason):
    result = set_one(client, name, value)
    assert not result.successful
    assert reason in result.reason


def test_a_change_of_several_is_taken_or_refused_as_a_whole(client):
    def together(low, high):
        parameters = [Parameter("min_depth", value=low), Parameter("max_depth", value=high)]
        return call(
            client,
            SetParametersAtomically,
            "set_parameters_atomically",
            parameters=[p.to_parameter_msg() for p in parameters],
        ).result

    assert together(50.0, 60.0).successful  # each alone would contradict the other's old value
    assert not together(5.0, 1.0).successful
    assert not set_one(client, "max_depth", 49.0).successful
    assert together(0.1, 10.0).successful
