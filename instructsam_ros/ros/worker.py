"""The thread that runs the model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from instructsam_ros.errors import CancelledError
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import (
    MotionError,
    NoFrameError,
    NotActiveError,
    TimeBudgetError,
    as_exception,
    counter_name,
)
from instructsam_ros.ros.input.job_queue import Job, JobQueue

Process = Callable[[Job, Callable[[], bool]], Any]


class Worker:
    """Thread that runs jobs from the queue until it is closed; no failure of a job ends it.

    process: computes the result of a job, and polls the given function to know when to stop. publish:
    publishes a result of the stream. report: called with every error but cancellations. Errors
    of requests are counted where they are answered, since some are answered before the model is done.
    """

    def __init__(
        self,
        queue: JobQueue,
        counters: Counters,
        process: Process,
        publish: Callable[[Any], None],
        report: Callable[[Exception], None],
    ) -> None:
        self._queue = queue
        self._counters = counters
        self._process = process
        self._publish = publish
        self._report = report
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="segment_worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Close the queue, interrupt the model; False if the thread has not ended in time."""
        self._queue.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def busy_seconds(self) -> float:
        """Return for how many seconds the present job has been running; 0 when idle."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def _run(self) -> None:
        while not self._queue.closed:
            job = self._queue.next_job()
            if job is None:
                continue
            self._busy_since = time.monotonic()
            try:
                self._do(job)
            finally:
                self._busy_since = None

    def _do(self, job: Job) -> None:
        try:
            if job.request is None:
                self._publish(self._stream_answer(job))
            else:
                job.request.answer.set_result(self._answer(job))
            if job.request is None or not job.request.withdrawn:
                self._counters.add("processed")
        # Whatever a backend raises, a panic of a library in Rust too, the thread goes on, and the caller gets
        # the error.
        except BaseException as raised:
            error = as_exception(raised)
            if job.request is not None:
                job.request.answer.set_exception(error)
            elif isinstance(error, CancelledError):
                self._counters.add("preempted")
            else:
                self._counters.add(counter_name(error))
            if not isinstance(error, CancelledError | MotionError | NotActiveError):
                self._report(error)

    def _stream_answer(self, job: Job) -> Any:
        answer = self._process(job, job.superseded)
        if job.superseded():  # since the model last polled
            raise CancelledError("a new instruction came before the answer was sent")
        return answer

    def _answer(self, job: Job) -> Any:
        request = job.request
        if request is None:
            raise TypeError("only a job with a request has an answer")
        if job.messages is None:
            raise NoFrameError
        try:
            return self._process(job, lambda: job.superseded() or request.unwanted())
        except CancelledError:
            if self._queue.closed:
                raise NotActiveError("the node was deactivated") from None
            if request.expired():
                raise TimeBudgetError("the time budget ran out before the answer was complete") from None
            raise
