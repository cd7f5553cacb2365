"""Many requests at once: none is lost, and late ones get the right error."""

from __future__ import annotations

import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import STATUS_ERROR, NoFrameError, TimeBudgetError
from instructsam_ros.ros.input.job_queue import JobQueue, Request
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.qos import REQUEST
from instructsam_ros.ros.request_servers import RequestServers, answer_of
from instructsam_ros.srv import SegmentOnce
from test.ros.conftest import WAIT
from test.ros.stamped import message

BURST = 40


def test_every_request_of_a_burst_is_answered():
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("burst_node", context=context)
    counters = Counters()
    servers = RequestServers(node, lambda: None, NodeSettings, counters)
    client = node.create_client(SegmentOnce, "~/segment_once", qos_profile=REQUEST)
    assert client.wait_for_service(WAIT)
    futures = [client.call_async(SegmentOnce.Request(instruction="a mug")) for _ in range(BURST)]
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        deadline = time.monotonic() + WAIT
        for future in futures:
            executor.spin_until_future_complete(future, max(deadline - time.monotonic(), 0.0))
        answers = [future.result() for future in futures if future.done()]
        assert [answer.error_code for answer in answers] == [SegmentOnce.Response.ERROR_NOT_ACTIVE] * BURST
        assert {answer.result.status for answer in answers} == {STATUS_ERROR}
        assert counters.snapshot()["not_active"] == BURST
    finally:
        executor.shutdown()
        servers.destroy()
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [([], NoFrameError, "no usable image arrived"), ([1], TimeBudgetError, "other requests were served")],
)
def test_a_budget_that_ends_in_the_queue_reports_whether_there_was_a_frame(images, error, said):
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))  # without a worker
    request = Request("a mug", deadline=time.monotonic() - 1.0)
    queue.submit(request)
    for second in images:
        queue.store_image(message(second))
    with pytest.raises(error, match=said):
        answer_of(request, queue)
