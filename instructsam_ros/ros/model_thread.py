"""The one thread in which the model is loaded and run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from instructsam_ros.ros.errors import as_exception

T = TypeVar("T")


class ModelThread:
    """Thread that does one task after the other, from loading a model to the last frame.

    OpenMP keeps a team of threads for every thread that has computed in parallel, and teams take each other's
    cores; and what one thread allocates is reused best by the same thread.
    """

    def __init__(self) -> None:
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Do a task after those before it; the future gets its result or what it raised, as an Exception."""
        done: Future[T] = Future()
        self._tasks.put((done, task))
        return done

    def close(self, timeout: float) -> None:
        """End the thread after the tasks that it has, waiting for ``timeout`` seconds at most."""
        self._tasks.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (item := self._tasks.get()) is not None:
            done, task = item
            try:
                done.set_result(task())
            # Raised again in the thread that waits. A panic of a library in Rust is no Exception.
            except BaseException as error:
                done.set_exception(as_exception(error))
            del item, done, task  # or a model that was released would stay until the next task
