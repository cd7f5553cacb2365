import threading
import time

import pytest

from instructsam_ros.errors import CancelledError
from instructsam_ros.models.vlm.waiting import run_for, wait


def test_results_and_errors_come_back():
    assert run_for(5, None, lambda: 7) == 7
    for error in (TimeoutError("mine"), ValueError("mine"), SystemExit("mine")):

        def fail(error=error):
            raise error

        with pytest.raises(type(error), match="mine"):
            run_for(5, None, fail)


def test_work_that_hangs_is_left():
    never = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            run_for(0.1, None, never.wait)
        with pytest.raises(CancelledError):
            run_for(1000, lambda: True, never.wait)
    finally:
        never.set()


def test_waiting_ends_when_cancelled():
    polls = iter([False, False, True])
    with pytest.raises(CancelledError):
        wait(1000, lambda: next(polls))
    start = time.monotonic()
    wait(0.1, None)
    assert time.monotonic() - start >= 0.1
