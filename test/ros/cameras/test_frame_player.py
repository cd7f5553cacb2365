"""Films are repeated at the caller's pace, whatever the pace of their making."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.frame_player import Projector
from instructsam_ros.ros.cameras.frames import CameraFrame


def frame(number: int) -> CameraFrame:
    return CameraFrame(np.full((2, 2, 3), number, np.uint8), None, None)


def shown(projector: Projector, count: int) -> list[int]:
    frames = [projector.next_frame() for _ in range(count)]
    return [int(f.rgb[0, 0, 0]) for f in frames if f is not None]


@pytest.fixture
def play():
    """Start a projector on an iterator of films; returns it and the reported errors."""
    stop, started = threading.Event(), []

    def start(films):
        reported = []
        projector = Projector(iter(films), stop, reported.append)
        started.append(projector)
        projector.start()
        return projector, reported

    yield start
    stop.set()
    for projector in started:
        projector.join()


def until(ready) -> None:
    deadline = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_last_film_repeats(play):
    projector, _ = play([[frame(1), frame(2), frame(3)]])
    projector.join()
    assert shown(projector, 7) == [1, 2, 3, 1, 2, 3, 1]


def test_while_the_first_film_is_made_its_newest_frame_stands_still(play):
    go_on = threading.Event()

    def slow():
        yield frame(1)
        go_on.wait(10)
        yield frame(2)

    projector, _ = play([slow()])
    assert shown(projector, 3) == [1, 1, 1]
    go_on.set()
    projector.join()
    assert shown(projector, 4) == [2, 1, 2, 1]


def test_a_film_is_shown_when_it_is_complete_and_the_one_before_has_ended(play):
    half, finish = threading.Event(), threading.Event()

    def second():
        yield frame(3)
        half.set()
        finish.wait(10)
        yield frame(4)

    projector, _ = play([[frame(1), frame(2)], second()])
    half.wait(10)
    assert shown(projector, 3) == [1, 2, 1]
    finish.set()
    projector.join()
    assert shown(projector, 4) == [2, 3, 4, 3]


def test_only_one_film_is_made_ahead(play):
    begun = []

    def film(number):
        begun.append(number)
        yield frame(number)

    projector, _ = play(film(number) for number in range(10))
    until(lambda: len(begun) == 2)  # one to play, one to follow
    assert shown(projector, 1) == [0]
    until(lambda: projector.next_frame().rgb[0, 0, 0] == 5)
    assert len(begun) <= 7


def test_a_failure_instead_of_the_first_frame_is_raised(play):
    def broken():
        raise ConfigError("no such scene")
        yield

    with pytest.raises(ConfigError, match="no such scene"):
        play([broken()])


def test_a_failure_later_is_reported_and_the_last_film_goes_on(play):
    def films():
        yield [frame(1), frame(2)]
        raise ConfigError("no more scenes")

    projector, reported = play(films())
    projector.join()
    assert [str(error) for error in reported] == ["no more scenes"]
    assert shown(projector, 3) == [1, 2, 1]
