"""A model that is slower than the node allows: diagnostics and dropped results."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import String

from test.ros.conftest import Client, NodeUnderTest


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """A node whose model takes 1.5 s for a frame that may be 0.3 s old."""
    log = tmp_path_factory.mktemp("late") / "log"
    node = NodeUnderTest(
        log,
        name="late_node",
        model="fake",
        model_options="'{slow: 1.5}'",
        max_age=0.3,
        stuck_after=0.3,
        depth_wait=0.1,
    )
    client = Client("late_node")
    client.wait(
        lambda: client.heard["active_instruction"],
        lambda: client.instruction.publish(String(data="the red thing")),
    )
    yield client, log
    client.close()
    assert node.stop() == 0, log.read_text()


def test_a_stuck_worker_shows_in_diagnostics_until_it_goes_on(late):
    client, _ = late

    def worker(level, words):
        status = client.diagnostics().get("worker")
        return status is not None and status.level == level and words in status.message

    client.wait(lambda: worker(DiagnosticStatus.ERROR, "stuck on one frame"), client.send)
    client.wait(lambda: worker(DiagnosticStatus.OK, "running"))


def test_late_answers_are_counted_and_dropped_until_they_may_be_that_old(late):
    client, log = late
    client.wait(lambda: client.count("stale") > 0, client.send)
    assert not client.heard["instances"]
    assert "max_age 0.3 s): dropped" in log.read_text()
    caller = client.node.create_client(SetParameters, "late_node/set_parameters")
    client.wait(caller.service_is_ready)
    change = SetParameters.Request(parameters=[Parameter("max_age", value=10.0).to_parameter_msg()])
    (result,) = client.result_of(caller.call_async(change)).results
    assert result.successful
    client.wait(lambda: client.heard["instances"], client.send)
