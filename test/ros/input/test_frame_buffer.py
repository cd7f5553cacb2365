"""The newest frame: what waits for depth, what comes out, in which order, and what counts as dropped."""

from __future__ import annotations

import pytest

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.frame_buffer import FrameBuffer
from instructsam_ros.ros.input.synchronizer import QUEUE_SIZE, SmallSynchroniser
from test.ros.stamped import message

WAIT, GONE = 0.5, 2.0


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def buffer(counters) -> FrameBuffer:
    """With a camera_info, and an instruction to look for."""
    buffer = FrameBuffer(counters)
    buffer.store_info("info")
    buffer.mark_unseen()
    return buffer


def shown(buffer: FrameBuffer, now: float, age: float = 2.0) -> tuple[float, bool] | None:
    """Stamp of the frame at hand, and whether it has depth."""
    buffer.pass_without_depth(now, WAIT, GONE)
    frame = buffer.current(now, WAIT, age)
    if frame is None:
        return None
    stamp = frame.image.header.stamp
    return stamp.sec + stamp.nanosec / 1e9, frame.depth is not None


def test_the_newest_pair_wins_and_the_older_one_is_counted(buffer, counters):
    for second in (1, 2, 3):
        image = message(second)
        buffer.store_image(image, float(second))
        buffer.store_pair(image, message(second + 0.01), float(second), WAIT)
    frame = buffer.current(3.0, WAIT, 2.0)
    assert frame is not None
    assert (frame.image.header.stamp.sec, frame.info) == (3, "info")
    assert (counters.snapshot()["received"], counters.snapshot()["dropped"]) == (3, 2)
    assert buffer.depth_offset == pytest.approx(0.01)
    assert shown(buffer, 6.0) is None  # too old to answer a question about now


def test_an_image_waits_for_its_depth_once_and_then_flows(buffer):
    buffer.store_image(message(1), 1.0)
    assert shown(buffer, 1.4) is None
    assert shown(buffer, 1.5) == (1, False)
    buffer.store_image(message(2), 2.0)
    assert shown(buffer, 2.0) == (2, False)  # no depth for long: no wait for every frame


def test_depth_that_is_back_is_waited_for_again(buffer):
    buffer.store_image(message(1), 1.0)
    assert shown(buffer, 1.5) == (1, False)
    image = message(2)
    buffer.store_image(image, 2.0)
    assert shown(buffer, 2.0) == (2, False)
    buffer.store_pair(image, message(2), 2.05, WAIT)  # in time, but the image has been handed out
    assert shown(buffer, 2.05) == (2, False)
    image = message(3)
    buffer.store_image(image, 3.0)
    assert shown(buffer, 3.0) == (2, False)
    buffer.store_pair(image, message(3), 3.05, WAIT)
    assert shown(buffer, 3.05) == (3, True)


def watch(buffer, rate, depth_rate, lag, model=0.0, seconds=20.0):
    """What a worker sees that takes ``model`` seconds a frame: (stamp, with depth, age) of every frame.

    Images at ``rate``; depth with the stamps of some of them, ``lag`` seconds later.
    """
    now = 0.0
    synchroniser = SmallSynchroniser(lambda *pair: buffer.store_pair(*pair, now, WAIT), 0.02)
    events = [(k / rate, 1) for k in range(int(rate * seconds))]
    events += [(k / depth_rate + lag, 0) for k in range(int(depth_rate * (seconds - lag)))]
    events += [(k / 100, 2) for k in range(int(100 * seconds))]
    free, seen = 0.0, []
    for now, kind in sorted(events):
        if kind == 1:
            image = message(100 + now)
            buffer.store_image(image, now)
            synchroniser.add_image(image)
        elif kind == 0:
            synchroniser.add_depth(message(100 + now - lag))
        elif now >= free and (frame := shown(buffer, now)) and buffer.unseen:
            buffer.mark_seen()
            free = now + model
            seen.append((*frame, now - buffer.newest.received))
    return seen


@pytest.mark.parametrize("model", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("lag", [0.05, 0.25, 0.45, 0.7, 1.5])
def test_frames_come_in_order_and_with_their_age_however_late_depth_is(buffer, counters, lag, model):
    seen = watch(buffer, 10, 10, lag, model)
    stamps = [stamp for stamp, _, _ in seen]
    assert stamps == sorted(set(stamps))
    if lag <= WAIT:
        assert all(depth for _, depth, _ in seen)
        assert buffer.last_depth_at is not None
    else:  # it says so, and shows what there is
        assert not any(depth for _, depth, _ in seen[1:])
        assert buffer.last_depth_at is None
    if model == 0.0:
        age = lag if lag <= WAIT else 0.0
        assert [age for _, _, age in seen[6:]] == pytest.approx([age] * len(seen[6:]), abs=0.02)
        assert counters.snapshot()["dropped"] <= (0 if lag <= WAIT else 5)


@pytest.mark.parametrize(
    ("rate", "depth_rate", "lag"), [(30, 1, 0.1), (30, 1.5, 0.1), (30, 5, 0.05), (10, 1, 0.4)]
)
def test_depth_that_comes_seldom_but_in_time_is_used(buffer, rate, depth_rate, lag):
    seen = watch(buffer, rate, depth_rate, lag)
    assert sum(depth for _, depth, _ in seen) >= 20 * depth_rate - 2
    assert all(age <= WAIT + 0.03 for _, _, age in seen)


def test_depth_that_stops_is_no_longer_waited_for(buffer):
    seen = [(stamp - 100, depth, age) for stamp, depth, age in watch(buffer, 10, 10, 0.05, seconds=5.0)]
    assert all(depth for _, depth, _ in seen)
    for tick in range(500, 1000):
        if tick % 10 == 0:
            buffer.store_image(message(100 + tick / 100), tick / 100)
        if (frame := shown(buffer, tick / 100)) and buffer.unseen:
            buffer.mark_seen()
            seen.append((frame[0] - 100, frame[1], tick / 100 - buffer.newest.received))
    alone = [(stamp, age) for stamp, depth, age in seen if not depth]
    assert all(age == pytest.approx(WAIT, abs=0.02) for stamp, age in alone if stamp < 6)
    assert all(age == pytest.approx(0, abs=0.02) for stamp, age in alone if stamp > 8)


def test_without_an_instruction_nothing_is_missed(counters):
    buffer = FrameBuffer(counters)
    for second in (1, 2, 3):
        buffer.store_image(message(second), float(second))
        buffer.pass_without_depth(float(second), 0.0, GONE)
    assert counters.snapshot()["dropped"] == 0


@pytest.mark.parametrize("with_depth", [True, False])
def test_waiting_for_depth_does_not_make_a_frame_too_old(buffer, with_depth):
    depth_wait, age = 3.0, 2.0
    image = message(1)
    buffer.store_image(image, 1.0)
    if with_depth:
        buffer.store_pair(image, message(1), 3.9, depth_wait)
    buffer.pass_without_depth(4.0, depth_wait, GONE)
    frame = buffer.current(4.0, depth_wait, age)
    assert frame is not None
    assert (frame.depth is not None) == with_depth
    assert buffer.current(6.1, depth_wait, age) is None


def test_an_image_that_the_next_one_would_push_out_waits_no_longer(buffer):
    for index in range(QUEUE_SIZE):
        assert shown(buffer, index / 100) is None
        buffer.store_image(message(1 + index / 100), index / 100)
    assert shown(buffer, QUEUE_SIZE / 100) == (1, False)


def test_a_frame_that_another_instruction_has_seen_is_not_dropped(buffer, counters):
    buffer.store_image(message(1), 1.0)
    buffer.pass_without_depth(1.0, 0.0, GONE)
    buffer.mark_seen()
    buffer.mark_unseen()
    assert buffer.unseen
    buffer.store_image(message(2), 2.0)
    buffer.pass_without_depth(2.0, 0.0, GONE)
    assert counters.snapshot()["dropped"] == 0
    buffer.store_image(message(3), 3.0)
    buffer.pass_without_depth(3.0, 0.0, GONE)
    assert counters.snapshot()["dropped"] == 1
