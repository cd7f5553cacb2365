"""How old a frame may be for whom, while the model is busy with others."""

from __future__ import annotations

import pytest

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input import job_queue
from instructsam_ros.ros.input.job_queue import Inbox, Request
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.clock import stopped_clock
from test.ros.stamped import message

LONG = 100.0
"""Seconds; many times ``camera_timeout``."""


@pytest.fixture
def clock(monkeypatch):
    """The inbox's time; ``clock.now`` sets it."""
    return stopped_clock(monkeypatch, job_queue)


def an_inbox(**settings) -> Inbox:
    return Inbox(Counters(), lambda: NodeSettings(**settings))


def store(inbox: Inbox, second: int, with_depth: bool) -> None:
    image = message(second)
    inbox.store_image(image)
    if with_depth:
        inbox.store_pair(image, message(second))


def seconds(job) -> int | None:
    """Stamp of the image of a job; None where there is none."""
    return None if job is None or job.camera is None else job.camera.image.header.stamp.sec


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_frame_that_came_while_the_model_was_busy_is_answered_however_long_that_was(clock, with_depth):
    inbox = an_inbox(depth_wait=0.0)
    inbox.set_instruction("mug")
    store(inbox, 1, with_depth)
    assert seconds(inbox.next_job()) == 1
    store(inbox, 2, with_depth)
    clock.now += LONG
    assert seconds(inbox.next_job()) == 2


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_request_gets_the_frame_that_came_while_it_waited_for_the_model(clock, with_depth):
    inbox = an_inbox(depth_wait=0.0)
    inbox.submit(Request("mug", submitted=clock.now))
    store(inbox, 1, with_depth)
    clock.now += LONG
    assert seconds(inbox.next_job()) == 1


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_frame_of_a_camera_that_is_gone_answers_no_later_question(clock, with_depth):
    inbox = an_inbox(depth_wait=0.0)
    store(inbox, 1, with_depth)
    clock.now += LONG
    inbox.set_instruction("mug")
    inbox.submit(Request("mug", submitted=clock.now))
    assert inbox.next_job() is None


def test_a_request_does_not_give_up_while_an_image_waits_for_its_depth(clock):
    inbox = an_inbox(depth_wait=0.5)
    inbox.submit(Request("mug", submitted=clock.now))
    clock.now += LONG
    inbox.store_image(message(1))
    assert inbox.next_job() is None
    clock.now += 0.5
    assert seconds(inbox.next_job()) == 1
