"""A model that cannot be interrupted: requests are still answered in time."""

from __future__ import annotations

import signal
import time

import pytest
from lifecycle_msgs.msg import Transition

from instructsam_ros.action import Segment
from instructsam_ros.ros.conversions import image_from_array
from test.ros.conftest import change, picture, started

MODEL_SECONDS = 60.0


@pytest.fixture
def uninterruptible(tmp_path, request):
    seconds = getattr(request, "param", MODEL_SECONDS)
    options = {"model_options": f"'{{seconds: {seconds}}}'", "max_requests": 2}
    with started(
        tmp_path, "uninterruptible_node", backend="test.ros.uninterruptible_backend:load", **options
    ) as both:
        yield both


def test_budget_cancel_and_the_end_of_the_process_are_kept_to(uninterruptible):
    node, client = uninterruptible
    stages = []

    def goal(budget):
        image = image_from_array(picture(), "rgb8", client.header())
        return client.goal(
            "a mug", budget=budget, feedback=lambda m: stages.append(m.feedback.stage), image=image
        )

    begun = time.monotonic()
    running = goal(budget=3.0)  # enough for the model to begin on a busy machine
    queued = [goal(budget) for budget in (0.5, 30.0)]
    result = client.result_of(running.get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_TIMEOUT
    assert "before the answer was complete" in result.error_msg
    result = client.result_of(queued[0].get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_TIMEOUT
    assert "other requests" in result.error_msg
    client.result_of(queued[1].cancel_goal_async())
    result = client.result_of(queued[1].get_result_async()).result
    assert result.error_code == Segment.Result.ERROR_CANCELLED
    # Those that gave up leave their places to others, and count.
    waiting = [goal(30.0), goal(30.0)]
    client.wait(lambda: client.count("timed_out") == 2 and client.count("cancelled") == 1)
    answers = [handle.get_result_async() for handle in waiting]
    time.sleep(0.5)
    assert not any(answer.done() for answer in answers)  # refused ones would have been answered
    assert node.stop(signal.SIGTERM) == 0
    assert time.monotonic() - begun < MODEL_SECONDS
    assert "Traceback" not in node.log.read_text()


@pytest.mark.parametrize("uninterruptible", [12.0], indirect=True)
def test_a_model_that_is_still_at_work_gets_no_second_worker(uninterruptible):
    node, client = uninterruptible
    image = image_from_array(picture(), "rgb8", client.header())
    handle = client.goal("a mug", budget=0.2, image=image)
    client.result_of(handle.get_result_async())
    assert change(client, Transition.TRANSITION_DEACTIVATE)
    assert not change(client, Transition.TRANSITION_ACTIVATE)
    assert "still works on the frame before" in node.log.read_text()
    client.wait(lambda: change(client, Transition.TRANSITION_ACTIVATE), every=1.0)
