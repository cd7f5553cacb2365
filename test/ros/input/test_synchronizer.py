"""Both synchronisers behave the same; message_filters' is tested where that is installed."""

from __future__ import annotations

import pytest
from std_msgs.msg import Header

from instructsam_ros.ros.input.synchronizer import (
    NANOSECONDS,
    QUEUE_SIZE,
    FilterSynchroniser,
    SmallSynchroniser,
    stamp_ns,
)


class Message:
    def __init__(self, seconds: float) -> None:
        self.header = Header()
        self.header.stamp.sec, self.header.stamp.nanosec = divmod(round(seconds * NANOSECONDS), NANOSECONDS)


@pytest.fixture(params=[SmallSynchroniser, FilterSynchroniser], ids=["own", "message_filters"])
def make(request):
    if request.param is FilterSynchroniser:
        pytest.importorskip("message_filters")

    def make(slop):
        pairs = []
        return request.param(lambda *pair: pairs.append(pair), slop), pairs

    return make


@pytest.mark.parametrize("slop", [0.0, 0.02])
@pytest.mark.parametrize("depth_first", [True, False])
def test_equal_stamps_match_in_either_order(make, slop, depth_first):
    synchroniser, pairs = make(slop)
    image, depth = Message(1.0), Message(1.0)
    adds = [(synchroniser.add_image, image), (synchroniser.add_depth, depth)]
    for add, message in adds[::-1] if depth_first else adds:
        assert not pairs
        add(message)
    assert pairs == [(image, depth)]


def test_near_stamps_match_within_the_slop_only(make):
    synchroniser, pairs = make(0.02)
    synchroniser.add_image(Message(1.0))
    synchroniser.add_depth(Message(1.03))
    assert not pairs
    synchroniser.add_depth(Message(1.01))
    assert [(stamp_ns(i), stamp_ns(d)) for i, d in pairs] == [(NANOSECONDS, round(1.01 * NANOSECONDS))]


def test_without_slop_stamps_must_be_equal(make):
    synchroniser, pairs = make(0.0)
    synchroniser.add_image(Message(1.0))
    synchroniser.add_depth(Message(1.000001))
    assert not pairs


def test_the_nearest_of_several_is_taken(make):
    synchroniser, pairs = make(0.05)
    near, far = Message(1.01), Message(1.04)
    synchroniser.add_depth(far)
    synchroniser.add_depth(near)
    synchroniser.add_image(Message(1.0))
    assert [depth for _, depth in pairs] == [near]


def test_a_message_is_used_once(make):
    synchroniser, pairs = make(0.02)
    synchroniser.add_depth(Message(1.0))
    synchroniser.add_image(Message(1.0))
    synchroniser.add_image(Message(1.01))
    assert len(pairs) == 1


def test_what_finds_no_match_is_forgotten(make):
    synchroniser, pairs = make(0.02)
    for index in range(QUEUE_SIZE + 1):
        synchroniser.add_image(Message(1.0 + index))
    synchroniser.add_depth(Message(1.0))
    assert not pairs
    synchroniser.add_depth(Message(2.0))
    assert len(pairs) == 1


@pytest.mark.parametrize("slop", [0.0, 0.02])
@pytest.mark.parametrize("depth_first", [True, False])
@pytest.mark.parametrize("waiting", ["image", "depth"])
def test_after_a_step_back_of_the_clock_pairs_are_found_again(make, slop, depth_first, waiting):
    synchroniser, pairs = make(slop)
    adds = {"image": synchroniser.add_image, "depth": synchroniser.add_depth}
    for index in range(QUEUE_SIZE + 5):  # the other camera is unplugged
        adds[waiting](Message(1000.0 + index / 10))
    order = ["depth", "image"] if depth_first else ["image", "depth"]
    for index in range(30):
        for topic in order:
            adds[topic](Message(900.0 + index / 10))
    assert len(pairs) >= 29  # one may be lost at the step
    assert all(stamp_ns(image) == stamp_ns(depth) for image, depth in pairs)


@pytest.mark.parametrize("slop", [0.0, 0.02])
@pytest.mark.parametrize("depth_first", [True, False])
@pytest.mark.parametrize("waiting", ["image", "depth"])
def test_what_waits_at_a_step_back_is_not_paired_with_the_same_stamp_after_it(
    make, slop, depth_first, waiting
):
    synchroniser, pairs = make(slop)
    adds = {"image": synchroniser.add_image, "depth": synchroniser.add_depth}
    order = ["depth", "image"] if depth_first else ["image", "depth"]
    for second in (3, 4):
        for topic in order:
            adds[topic](Message(second))
    adds[waiting](Message(5))  # the other one is lost
    after = {topic: [Message(second) for second in (1, 2, 3, 4, 5)] for topic in order}
    for index in range(5):
        for topic in order:
            adds[topic](after[topic][index])
    assert pairs[2:] == list(zip(after["image"], after["depth"], strict=True))


def test_stamps_a_little_out_of_order_do_not_start_anew(make):
    synchroniser, pairs = make(0.02)
    for stamp in (1.0, 1.2, 1.1):
        synchroniser.add_image(Message(stamp))
    synchroniser.add_depth(Message(1.2))
    assert len(pairs) == 1


@pytest.mark.parametrize(("rate", "slop"), [(60, 0.02), (30, 0.05)])
@pytest.mark.parametrize("lost", ["image", "depth"])
def test_a_lost_message_does_not_shift_the_pairs_after_it(make, rate, slop, lost):
    synchroniser, pairs = make(slop)
    for index in range(30):
        for topic, add in (("image", synchroniser.add_image), ("depth", synchroniser.add_depth)):
            if (topic, index) != (lost, 10):
                add(Message(1.0 + index / rate))
    assert len(pairs) == 29
    assert all(stamp_ns(image) == stamp_ns(depth) for image, depth in pairs)


def test_slow_depth_still_finds_an_image_within_the_slop(make):
    synchroniser, pairs = make(0.02)
    for index in range(40):
        synchroniser.add_image(Message(1.0 + index / 30))
        if index % 4 == 0:
            synchroniser.add_depth(Message(1.0 + index / 30 + 0.015))
    assert len(pairs) == 10


@pytest.mark.parametrize(("rate", "depth_rate"), [(60, 30), (60, 15), (30, 60), (90, 30)])
def test_of_two_paces_equal_stamps_find_each_other(make, rate, depth_rate):
    """Depth arrives first, and an image a little before its own is within the slop."""
    synchroniser, pairs = make(0.02)
    both = [(k / depth_rate, 0) for k in range(depth_rate)] + [(k / rate, 1) for k in range(rate)]
    for stamp, kind in sorted(both):
        (synchroniser.add_depth, synchroniser.add_image)[kind](Message(1.0 + stamp))
    settled = [(stamp_ns(image), stamp_ns(depth)) for image, depth in pairs][6:]
    assert len(settled) > 6
    assert all(abs(image - depth) < 1000 for image, depth in settled)
