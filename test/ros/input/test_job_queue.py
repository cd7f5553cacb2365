"""Age limit of frames for requests and for the stream while the model is busy."""

from __future__ import annotations

import pytest

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input import job_queue
from instructsam_ros.ros.input.job_queue import JobQueue, Request
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.clock import stopped_clock
from test.ros.stamped import message

LONG = 100.0
"""Seconds; many times ``camera_timeout``."""


@pytest.fixture
def clock(monkeypatch):
    """The queue's time; ``clock.now`` sets it."""
    return stopped_clock(monkeypatch, job_queue)


def a_queue(**settings) -> JobQueue:
    return JobQueue(Counters(), lambda: NodeSettings(**settings))


def store(queue: JobQueue, second: int, with_depth: bool) -> None:
    image = message(second)
    queue.store_image(image)
    if with_depth:
        queue.store_pair(image, message(second))


def seconds(job) -> int | None:
    """Stamp of the image of a job; None where there is none."""
    return None if job is None or job.messages is None else job.messages.image.header.stamp.sec


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_frame_that_came_while_the_model_was_busy_is_answered_however_long_that_was(clock, with_depth):
    queue = a_queue(depth_wait=0.0)
    queue.set_instruction("mug")
    store(queue, 1, with_depth)
    assert seconds(queue.next_job()) == 1
    store(queue, 2, with_depth)
    clock.now += LONG
    assert seconds(queue.next_job()) == 2


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_request_gets_the_frame_that_came_while_it_waited_for_the_model(clock, with_depth):
    queue = a_queue(depth_wait=0.0)
    queue.submit(Request("mug", submitted=clock.now))
    store(queue, 1, with_depth)
    clock.now += LONG
    assert seconds(queue.next_job()) == 1


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_frame_of_a_camera_that_is_gone_answers_no_later_question(clock, with_depth):
    queue = a_queue(depth_wait=0.0)
    store(queue, 1, with_depth)
    clock.now += LONG
    queue.set_instruction("mug")
    queue.submit(Request("mug", submitted=clock.now))
    assert queue.next_job() is None


def test_a_request_does_not_give_up_while_an_image_waits_for_its_depth(clock):
    queue = a_queue(depth_wait=0.5)
    queue.submit(Request("mug", submitted=clock.now))
    clock.now += LONG
    queue.store_image(message(1))
    assert queue.next_job() is None
    clock.now += 0.5
    assert seconds(queue.next_job()) == 1


def test_a_disabled_queue_gives_requests_but_no_frames(clock):
    queue = a_queue(use_depth=False)
    queue.set_instruction("mug")
    store(queue, 1, with_depth=False)
    queue.set_enabled(False)
    assert queue.next_job() is None
    queue.submit(Request("bowl"))
    assert queue.next_job().instruction == "bowl"
    queue.set_enabled(True)
    assert queue.next_job().instruction == "mug"


def test_named_instructions_come_with_every_frame(clock):
    queue = a_queue(use_depth=False)
    queue.set_named((("cups", "all cups"),))
    store(queue, 1, with_depth=False)
    job = queue.next_job()
    assert (job.instruction, job.named) == ("", (("cups", "all cups"),))
    queue.set_instruction("mug")
    assert job.superseded()
    job = queue.next_job()
    assert (job.instruction, job.named) == ("mug", (("cups", "all cups"),))
    queue.set_named(())
    queue.set_instruction("")
    assert queue.next_job() is None
