"""Slots and worker without ROS: what is kept, dropped and survived."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.failures import BusyError, NoFrameError, NotActiveError
from instructsam_ros.ros.params import NodeSettings
from instructsam_ros.ros.slots import CameraMessages, FrameSlot, Inbox, Request
from instructsam_ros.ros.worker import Worker


def message(seconds: int):
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=seconds, nanosec=0)))


def own_frame() -> CameraMessages:
    return CameraMessages(message(1), None, None, time.monotonic())


@pytest.fixture
def work():
    """A started worker around ``process``; returns inbox, counters and what was reported."""
    workers = []

    def start(process, **settings):
        counters, reported = Counters(), []
        inbox = Inbox(counters, lambda: NodeSettings(**settings))
        worker = Worker(inbox, counters, process, lambda *_: None, reported.append)
        worker.start()
        workers.append(worker)
        return worker, inbox, counters, reported

    yield start
    for worker in workers:
        assert worker.stop(5.0)


@pytest.mark.parametrize(
    "error", [InstructSamError("bad"), RuntimeError("CUDA out of memory"), MemoryError()]
)
def test_no_failure_of_a_model_ends_the_worker(work, error):
    failures = [error]

    def process(*_):
        if failures:
            raise failures.pop()
        return "fine"

    worker, inbox, counters, reported = work(process)
    first, second = Request("mug", camera=own_frame()), Request("mug", camera=own_frame())
    inbox.submit(first)
    assert first.answer.exception(5) is error
    inbox.submit(second)
    assert second.answer.result(5) == "fine"
    assert worker.alive
    assert reported == [error]
    assert counters.snapshot()["internal_error"] == 1


def test_a_request_without_a_camera_fails_in_bounded_time(work):
    _, inbox, _, _ = work(lambda *_: "never", camera_timeout=0.1)
    request = Request("mug")
    inbox.submit(request)
    assert isinstance(request.answer.exception(5), NoFrameError)


def test_more_requests_than_allowed_are_refused_and_closing_answers_the_rest():
    inbox = Inbox(Counters(), lambda: NodeSettings(max_requests=1))
    waiting = Request("mug")
    inbox.submit(waiting)
    with pytest.raises(BusyError, match="waiting"):
        inbox.submit(Request("mug"))
    inbox.close()
    assert isinstance(waiting.answer.exception(0), NotActiveError)
    with pytest.raises(NotActiveError):
        inbox.submit(Request("mug"))


def test_the_newest_pair_wins_and_the_older_one_is_counted():
    counters = Counters()
    slot = FrameSlot(counters)
    slot.store_info("info")
    for second in (1, 2, 3):
        image = message(second)
        slot.store_image(image, float(second))
        slot.store_pair(image, "depth", float(second))
    frame = slot.current(3.0, 0.5, 2.0)
    assert frame is not None
    assert (frame.image.header.stamp.sec, frame.depth, frame.info) == (3, "depth", "info")
    assert (counters.snapshot()["received"], counters.snapshot()["dropped"]) == (3, 2)
    assert slot.current(6.0, 0.5, 2.0) is None  # too old to answer a question about now


def test_an_image_waits_for_its_depth_once_and_then_flows():
    slot = FrameSlot(Counters())
    slot.store_image(message(1), 1.0)
    slot.pass_without_depth(1.4, 0.5)
    assert slot.newest is None
    slot.pass_without_depth(1.5, 0.5)
    assert slot.newest is not None
    slot.store_image(message(2), 2.0)
    slot.pass_without_depth(2.0, 0.5)  # no depth for long: no wait for every frame
    assert slot.newest.image.header.stamp.sec == 2


def test_a_new_instruction_is_answered_on_the_frame_at_hand():
    inbox = Inbox(Counters(), lambda: NodeSettings(use_depth=False))
    inbox.store_image(message(1))
    assert inbox.set_instruction("mug")
    first = inbox.next_job()
    assert first is not None
    assert not inbox.set_instruction("mug")
    assert not first.superseded()
    assert inbox.set_instruction("bowl")
    assert first.superseded()
    second = inbox.next_job()
    assert second is not None
    assert second.instruction == "bowl"
    assert second.camera.image is first.camera.image
