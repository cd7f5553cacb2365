"""JobQueue and worker without ROS: what is kept, refused and survived."""

from __future__ import annotations

import threading
import time

import pytest

from instructsam_ros.errors import CancelledError, InstructSamError, InvalidInputError
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import BusyError, NoFrameError, NotActiveError
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.job_queue import JobQueue, Request
from instructsam_ros.ros.model_thread import ModelThread
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.worker import Worker
from test.ros.stamped import message


def own_frame() -> FrameMessages:
    return FrameMessages(message(1), None, None, time.monotonic())


@pytest.fixture
def work():
    """A started worker around ``process``; returns queue, counters and what was reported."""
    workers = []

    def start(process, **settings):
        counters, reported = Counters(), []
        queue = JobQueue(counters, lambda: NodeSettings(**settings))
        worker = Worker(queue, counters, process, lambda *_: None, reported.append)
        worker.start(ModelThread())
        workers.append(worker)
        return worker, queue, counters, reported

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

    worker, queue, counters, reported = work(process)
    first, second = Request("mug", messages=own_frame()), Request("mug", messages=own_frame())
    queue.submit(first)
    assert first.answer.exception(5) is error
    queue.submit(second)
    assert second.answer.result(5) == "fine"
    assert worker.alive
    assert reported == [error]
    assert counters.snapshot()["processed"] == 1


class Panic(BaseException):
    """As a library in Rust raises it."""


def test_what_is_no_exception_does_not_end_the_worker_either(work):
    def process(job, _cancel):
        if job.instruction == "mug":
            raise Panic("index out of bounds")
        return "fine"

    worker, queue, _, reported = work(process)
    first, second = Request("mug", messages=own_frame()), Request("bowl", messages=own_frame())
    queue.submit(first)
    failure = first.answer.exception(5)
    assert isinstance(failure, InstructSamError)
    assert str(failure) == "Panic: index out of bounds"
    queue.submit(second)
    assert second.answer.result(5) == "fine"
    assert worker.alive
    assert reported == [failure]


def test_an_answer_that_is_no_longer_wanted_is_preempted_and_every_frame_is_counted_once():
    """The second instruction comes after the model has polled for the last time whether to stop."""
    counters, published, sent = Counters(), [], threading.Event()
    queue = JobQueue(counters, lambda: NodeSettings(use_depth=False))

    def process(job, _cancel):
        if job.instruction == "mug":
            queue.set_instruction("bowl")
            queue.store_image(message(2))
            queue.store_image(message(3))
        return job.instruction

    def publish(answer):
        published.append(answer)
        sent.set()

    worker = Worker(queue, counters, process, publish, lambda _error: None)
    queue.set_instruction("mug")
    queue.store_image(message(1))
    worker.start(ModelThread())
    assert sent.wait(60)
    assert worker.stop(60)
    assert published == ["bowl"]
    counts = counters.snapshot()
    assert {name: counts[name] for name in ("received", "preempted", "dropped", "processed")} == {
        "received": 3,
        "preempted": 1,
        "dropped": 1,
        "processed": 1,
    }


def test_nothing_is_handed_out_after_closing():
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))
    queue.set_instruction("mug")
    queue.store_image(message(1))
    queue.close()
    assert queue.next_job() is None


def test_failures_on_the_stream_are_counted_by_their_kind(work):
    failures = [InvalidInputError("bad"), RuntimeError("CUDA out of memory"), CancelledError()]

    def process(*_):
        raise failures.pop()

    worker, queue, counters, reported = work(process, use_depth=False)
    queue.set_instruction("mug")
    for second in range(3):
        left = len(failures)
        queue.store_image(message(second))
        deadline = time.monotonic() + 5
        while len(failures) == left and time.monotonic() < deadline:
            time.sleep(0.01)
    assert worker.stop(5.0)
    counts = counters.snapshot()
    assert [type(error) for error in reported] == [RuntimeError, InvalidInputError]
    assert (counts["preempted"], counts["internal_error"], counts["invalid_input"]) == (1, 1, 1)
    assert counts["processed"] == 0


def test_a_cancellation_is_not_reported_as_an_error(work):
    def process(*_):
        raise CancelledError("the caller cancelled")

    _, queue, _, reported = work(process)
    request = Request("mug", messages=own_frame())
    queue.submit(request)
    assert isinstance(request.answer.exception(5), CancelledError)
    assert reported == []


def test_requests_that_were_withdrawn_leave_their_places():
    queue = JobQueue(Counters(), lambda: NodeSettings(max_requests=1))
    first = Request("mug")
    queue.submit(first)
    assert first.answer.cancel()
    second = Request("mug", messages=own_frame())
    queue.submit(second)
    job = queue.next_job()
    assert job is not None
    assert job.request is second


def test_a_request_without_a_camera_fails_in_bounded_time(work):
    _, queue, _, _ = work(lambda *_: "never", camera_timeout=0.1)
    request = Request("mug")
    queue.submit(request)
    assert isinstance(request.answer.exception(5), NoFrameError)


def test_more_requests_than_allowed_are_refused_and_closing_answers_the_rest():
    queue = JobQueue(Counters(), lambda: NodeSettings(max_requests=1))
    waiting = Request("mug")
    queue.submit(waiting)
    with pytest.raises(BusyError, match="waiting"):
        queue.submit(Request("mug"))
    queue.close()
    assert isinstance(waiting.answer.exception(0), NotActiveError)
    with pytest.raises(NotActiveError):
        queue.submit(Request("mug"))


def test_a_new_instruction_is_answered_on_the_frame_at_hand():
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))
    queue.store_image(message(1))
    assert queue.set_instruction("mug")
    first = queue.next_job()
    assert first is not None
    assert not queue.set_instruction("mug")
    assert not first.superseded()
    assert queue.set_instruction("bowl")
    assert first.superseded()
    second = queue.next_job()
    assert second is not None
    assert second.instruction == "bowl"
    assert second.messages.image is first.messages.image


def test_requests_and_the_stream_take_turns():
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))
    queue.set_instruction("stream")
    for number in range(3):
        queue.submit(Request(f"request {number}"))
    handed_out = []
    for second in range(6):
        queue.store_image(message(second))  # there is always a frame that the stream has not seen
        handed_out.append(queue.next_job().instruction)
    assert handed_out == ["request 0", "stream", "request 1", "stream", "request 2", "stream"]


def test_where_the_stream_has_nothing_to_do_requests_follow_each_other():
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))
    queue.set_instruction("stream")
    queue.store_image(message(1))
    for number in range(3):
        queue.submit(Request(f"request {number}"))
    assert [queue.next_job().instruction for _ in range(4)] == [
        "request 0",
        "stream",
        "request 1",
        "request 2",
    ]


@pytest.mark.parametrize(("seconds", "gives_up"), [(30.0, False), (62.0, True)])
def test_a_request_waits_as_long_as_an_image_and_then_its_depth_may_take(seconds, gives_up):
    queue = JobQueue(Counters(), lambda: NodeSettings(camera_timeout=1.0, depth_wait=60.0))
    queue.submit(Request("mug", submitted=time.monotonic() - seconds))
    assert (queue.next_job() is not None) == gives_up
