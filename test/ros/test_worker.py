"""Slots and worker without ROS: what is kept, dropped and survived."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from instructsam_ros.errors import CancelledError, InstructSamError, InvalidInputError
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.failures import BusyError, NoFrameError, NotActiveError
from instructsam_ros.ros.params import NodeSettings
from instructsam_ros.ros.slots import CameraMessages, FrameSlot, Inbox, Request
from instructsam_ros.ros.worker import Worker


def message(seconds: float):
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=whole, nanosec=rest)))


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
    assert counters.snapshot()["processed"] == 1


def test_failures_on_the_stream_are_counted_by_their_kind(work):
    failures = [InvalidInputError("bad"), RuntimeError("CUDA out of memory"), CancelledError()]

    def process(*_):
        raise failures.pop()

    _, inbox, counters, reported = work(process, use_depth=False)
    inbox.set_instruction("mug")
    for second in range(3):
        left = len(failures)
        inbox.store_image(message(second))
        deadline = time.monotonic() + 5
        while len(failures) == left and time.monotonic() < deadline:
            time.sleep(0.01)
    inbox.close()
    counts = counters.snapshot()
    assert [type(error) for error in reported] == [RuntimeError, InvalidInputError]
    assert (counts["preempted"], counts["internal_error"], counts["invalid_input"]) == (1, 1, 1)
    assert counts["processed"] == 0


def test_what_the_caller_wished_for_is_no_fault_of_the_node(work):
    def process(*_):
        raise CancelledError("the caller cancelled")

    _, inbox, _, reported = work(process)
    request = Request("mug", camera=own_frame())
    inbox.submit(request)
    assert isinstance(request.answer.exception(5), CancelledError)
    assert reported == []


def test_requests_that_were_withdrawn_leave_their_places():
    inbox = Inbox(Counters(), lambda: NodeSettings(max_requests=1))
    first = Request("mug")
    inbox.submit(first)
    assert first.answer.cancel()
    second = Request("mug", camera=own_frame())
    inbox.submit(second)
    job = inbox.next_job()
    assert job is not None
    assert job.request is second


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


WAIT = 0.5


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def slot(counters) -> FrameSlot:
    """With a camera_info, and an instruction to look for."""
    slot = FrameSlot(counters)
    slot.store_info("info")
    slot.wanted = True
    return slot


def shown(slot: FrameSlot, now: float, age: float = 2.0) -> tuple[float, bool] | None:
    """Stamp of the frame at hand, and whether it has depth."""
    slot.pass_without_depth(now, WAIT)
    frame = slot.current(now, WAIT, age)
    if frame is None:
        return None
    stamp = frame.image.header.stamp
    return stamp.sec + stamp.nanosec / 1e9, frame.depth is not None


def test_the_newest_pair_wins_and_the_older_one_is_counted(slot, counters):
    for second in (1, 2, 3):
        image = message(second)
        slot.store_image(image, float(second))
        slot.store_pair(image, message(second + 0.01), float(second), WAIT)
    frame = slot.current(3.0, WAIT, 2.0)
    assert frame is not None
    assert (frame.image.header.stamp.sec, frame.info) == (3, "info")
    assert (counters.snapshot()["received"], counters.snapshot()["dropped"]) == (3, 2)
    assert slot.depth_offset == pytest.approx(0.01)
    assert shown(slot, 6.0) is None  # too old to answer a question about now


def test_an_image_waits_for_its_depth_once_and_then_flows(slot):
    slot.store_image(message(1), 1.0)
    assert shown(slot, 1.4) is None
    assert shown(slot, 1.5) == (1, False)
    slot.store_image(message(2), 2.0)
    assert shown(slot, 2.0) == (2, False)  # no depth for long: no wait for every frame


def test_depth_that_is_back_is_waited_for_again(slot):
    slot.store_image(message(1), 1.0)
    assert shown(slot, 1.5) == (1, False)
    image = message(2)
    slot.store_image(image, 2.0)
    assert shown(slot, 2.0) == (2, False)
    slot.store_pair(image, message(2), 2.05, WAIT)  # in time, but the image has been handed out
    assert shown(slot, 2.05) == (2, False)
    slot.store_image(message(3), 3.0)
    assert shown(slot, 3.0) == (2, False)
    slot.store_pair(slot._image.image, message(3), 3.05, WAIT)
    assert shown(slot, 3.05) == (3, True)


@pytest.mark.parametrize("lag", [0.05, 0.25, 0.45, 0.7, 1.5])
def test_frames_come_in_order_and_with_their_age_however_late_depth_is(slot, counters, lag):
    """Ten images a second; depth follows ``lag`` seconds later."""
    pending, seen = [], []
    for tick in range(600):
        now = tick / 100
        while pending and pending[0][0] <= now:
            _, image = pending.pop(0)
            slot.store_pair(image, image, now, WAIT)
        if tick % 10 == 0:
            image = message(100 + now)
            slot.store_image(image, now)
            pending.append((now + lag, image))
        frame = shown(slot, now)
        if frame and slot.unseen:
            slot.unseen = False
            seen.append((*frame, round(now - slot.newest.received, 3)))
    stamps = [stamp for stamp, _, _ in seen]
    assert stamps == sorted(set(stamps))
    in_time = lag <= WAIT
    assert all(depth == in_time for _, depth, _ in seen)
    assert [age for _, _, age in seen[2:]] == pytest.approx(
        [lag if in_time else 0.0] * len(seen[2:]), abs=0.02
    )
    assert counters.snapshot()["dropped"] <= (0 if in_time else 5)


def test_without_an_instruction_nothing_is_missed(counters):
    slot = FrameSlot(counters)
    for second in (1, 2, 3):
        slot.store_image(message(second), float(second))
        slot.pass_without_depth(float(second), 0.0)
    assert counters.snapshot()["dropped"] == 0


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
