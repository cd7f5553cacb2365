"""Waiting that ends in time and can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

from instructsam_ros.segmenter import Cancel, raise_if_cancelled

T = TypeVar("T")
POLL_SECONDS = 0.05


def wait(seconds: float, cancel: Cancel | None) -> None:
    """Sleep. Raises CancelledError as soon as ``cancel`` returns True."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        raise_if_cancelled(cancel)
        time.sleep(min(left, POLL_SECONDS))


def run_for(seconds: float, cancel: Cancel | None, work: Callable[[], T]) -> T:
    """Run ``work`` in a thread and return its result, or raise what it raises.

    Raises TimeoutError after ``seconds`` and CancelledError when ``cancel`` returns True; the thread is then
    left behind, so ``work`` has to end by itself and to change nothing.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # raised again in the thread that waits
            result.set_exception(error)

    threading.Thread(target=run, name="chat", daemon=True).start()
    end = time.monotonic() + seconds
    while True:
        raise_if_cancelled(cancel)
        left = end - time.monotonic()
        try:
            return result.result(max(0.0, min(left, POLL_SECONDS)))
        except FutureTimeout:
            # From 3.11 on this is TimeoutError, which ``work`` may raise, too.
            if result.done():
                return result.result()
            if left <= 0:
                raise TimeoutError from None
