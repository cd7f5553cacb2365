"""A slow model: what cancels it, what waits, what is refused, and how the process ends."""

from __future__ import annotations

import signal
import time

import pytest
from std_msgs.msg import String

from instructsam_ros.action import Segment
from instructsam_ros.ros.conversions import image_from_array
from instructsam_ros.srv import SegmentOnce
from test.ros.conftest import Client, NodeUnderTest, picture, started

ACTION_CANCELED = 5
SLOW = 30.0


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    options = {"model_options": f"'{{slow: {SLOW}}}'", "max_requests": 1, "depth_wait": 0.1}
    with started(tmp_path_factory.mktemp("slow"), "slow_node", model="fake", **options) as both:
        yield both


def start_goal(client, **fields):
    """A goal on a given frame that the model is working on."""
    stages = []
    image = image_from_array(picture(), "rgb8", client.header())
    handle = client.goal(
        "the red thing", feedback=lambda m: stages.append(m.feedback.stage), image=image, **fields
    )
    return handle, stages


def test_cancelling_a_goal_stops_the_model(slow):
    _, client = slow
    handle, stages = start_goal(client)
    client.wait(lambda: "segment" in stages)
    begun = time.monotonic()
    client.result_of(handle.cancel_goal_async())
    reply = client.result_of(handle.get_result_async())
    assert (reply.status, reply.result.error_code) == (ACTION_CANCELED, Segment.Result.ERROR_CANCELLED)
    assert time.monotonic() - begun < SLOW / 3


def test_the_time_budget_ends_a_goal(slow):
    _, client = slow
    handle, _ = start_goal(client, budget=0.3)
    result = client.result_of(handle.get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_TIMEOUT
    assert "budget" in result.error_msg


def test_a_queued_goal_is_cancelled_at_once_and_one_too_many_is_refused(slow):
    _, client = slow
    running, stages = start_goal(client)
    client.wait(lambda: "segment" in stages)
    queued, its_stages = start_goal(client)
    client.wait(lambda: "waiting" in its_stages)  # else the service may be served before it
    refused = client.ask("the red thing")
    assert refused.error_code == SegmentOnce.Response.ERROR_BUSY
    client.result_of(queued.cancel_goal_async())
    result = client.result_of(queued.get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_CANCELLED
    client.result_of(running.cancel_goal_async())
    client.result_of(running.get_result_async())


def test_a_new_instruction_interrupts_the_old_one_and_missed_frames_are_counted(slow):
    _, client = slow
    client.instruction.publish(String(data="the red thing"))
    client.wait(lambda: client.count("received") > 0 and client.count("dropped") > 0, client.send)
    client.instruction.publish(String(data="the blue thing"))
    client.wait(lambda: client.count("preempted") > 0, client.send)


def test_sigterm_in_the_middle_of_work_ends_the_process_cleanly(slow):
    node, client = slow
    assert node.process.poll() is None
    client.wait(lambda: client.count("received") > 0, client.send)
    assert node.stop(signal.SIGTERM) == 0
    assert "Traceback" not in node.log.read_text()


def test_sigint_while_idle_ends_the_process_cleanly(tmp_path):
    node = NodeUnderTest(tmp_path / "log", name="idle_node", model="fake")
    client = Client("idle_node")
    try:
        client.wait(client.service.service_is_ready)
        assert node.stop(signal.SIGINT) == 0
    finally:
        client.close()
    assert "Traceback" not in node.log.read_text()
