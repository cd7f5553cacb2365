"""Clips are repeated at the caller's pace, whatever the pace of their making."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.frame_player import FramePlayer
from instructsam_ros.ros.cameras.frames import CameraFrame


def frame(number: int) -> CameraFrame:
    return CameraFrame(np.full((2, 2, 3), number, np.uint8), None, None)


def shown(player: FramePlayer, count: int) -> list[int]:
    frames = [player.next_frame() for _ in range(count)]
    return [int(f.rgb[0, 0, 0]) for f in frames if f is not None]


@pytest.fixture
def play():
    """Start a player on an iterator of clips; returns it and the reported errors."""
    stop, started = threading.Event(), []

    def start(clips):
        reported = []
        player = FramePlayer(iter(clips), stop, reported.append)
        started.append(player)
        player.start()
        return player, reported

    yield start
    stop.set()
    for player in started:
        player.join()


def until(ready) -> None:
    deadline = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_last_clip_repeats(play):
    player, _ = play([[frame(1), frame(2), frame(3)]])
    player.join()
    assert shown(player, 7) == [1, 2, 3, 1, 2, 3, 1]


def test_while_the_first_clip_is_made_its_newest_frame_stands_still(play):
    go_on = threading.Event()

    def slow():
        yield frame(1)
        go_on.wait(10)
        yield frame(2)

    player, _ = play([slow()])
    assert shown(player, 3) == [1, 1, 1]
    go_on.set()
    player.join()
    assert shown(player, 4) == [2, 1, 2, 1]


def test_a_clip_is_shown_when_it_is_complete_and_the_one_before_has_ended(play):
    half, finish = threading.Event(), threading.Event()

    def second():
        yield frame(3)
        half.set()
        finish.wait(10)
        yield frame(4)

    player, _ = play([[frame(1), frame(2)], second()])
    half.wait(10)
    assert shown(player, 3) == [1, 2, 1]
    finish.set()
    player.join()
    assert shown(player, 4) == [2, 3, 4, 3]


def test_only_one_clip_is_made_ahead(play):
    begun = []

    def clip(number):
        begun.append(number)
        yield frame(number)

    player, _ = play(clip(number) for number in range(10))
    until(lambda: len(begun) == 2)  # one to play, one to follow
    assert shown(player, 1) == [0]
    until(lambda: player.next_frame().rgb[0, 0, 0] == 5)
    assert len(begun) <= 7


def test_a_failure_instead_of_the_first_frame_is_raised(play):
    def broken():
        raise ConfigError("no such scene")
        yield

    with pytest.raises(ConfigError, match="no such scene"):
        play([broken()])


def test_a_failure_later_is_reported_and_the_last_clip_goes_on(play):
    def clips():
        yield [frame(1), frame(2)]
        raise ConfigError("no more scenes")

    player, reported = play(clips())
    player.join()
    assert [str(error) for error in reported] == ["no more scenes"]
    assert shown(player, 3) == [1, 2, 1]
