"""Queue between callbacks and worker: frames, the active instruction and explicit requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import BusyError, NotActiveError
from instructsam_ros.ros.input.frame_buffer import FrameBuffer, FrameMessages
from instructsam_ros.ros.parameters import NodeSettings

POLL_SECONDS = 0.05


@dataclass
class Request:
    """One explicit request. ``answer`` gets the FrameResult or the exception.

    messages: the frame to use, or None for the newest. deadline: time.monotonic(), or None. withdrawn: the
    caller has stopped waiting.
    """

    instruction: str
    messages: FrameMessages | None = None
    deadline: float | None = None
    target_frame: str = ""
    cancelled: Callable[[], bool] = lambda: False
    on_stage: Callable[[str], None] | None = None
    submitted: float = field(default_factory=time.monotonic)
    answer: Future[Any] = field(default_factory=Future)
    withdrawn: bool = False

    def withdraw(self) -> bool:
        """Withdraw the request; return whether it was still queued."""
        self.withdrawn = True
        return self.answer.cancel()

    def unwanted(self) -> bool:
        """Return whether to stop working on it."""
        return self.withdrawn or self.cancelled() or self.expired()

    def expired(self) -> bool:
        """Return whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline


@dataclass(frozen=True)
class Job:
    """Work for the worker. messages: None when no frame came in time for the request."""

    instruction: str
    messages: FrameMessages | None
    request: Request | None
    superseded: Callable[[], bool]
    named: tuple[tuple[str, str], ...] = ()
    """Name and text of further instructions for the frame."""
    prompt: Any = None
    """A UserPrompt that is asked instead of the instruction, its text."""


class JobQueue:
    """Frames, instruction and requests, under one lock; the worker takes one job after the other."""

    def __init__(self, counters: Counters, settings: Callable[[], NodeSettings]) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._generation = 0
        self._instructed = 0.0
        self._closed = False
        self._streams_turn = False
        self.instruction = ""
        self.prompt: Any = None
        self.named: tuple[tuple[str, str], ...] = ()
        self.enabled = True
        self.frames = FrameBuffer(counters)

    def store_image(self, message: Any) -> None:
        """Callback of the image subscription."""
        with self._changed:
            self.frames.store_image(message, time.monotonic())
            self._changed.notify_all()

    def store_pair(self, image: Any, depth: Any) -> None:
        """Callback of the synchroniser."""
        with self._changed:
            self.frames.store_pair(image, depth, time.monotonic(), self._settings().depth_wait)
            self._changed.notify_all()

    def store_info(self, message: Any) -> None:
        """Store a camera_info, unless depth is not used."""
        with self._changed:
            if self._settings().use_depth:
                self.frames.store_info(message)
                self._changed.notify_all()

    def set_instruction(self, text: str, prompt: Any = None) -> bool:
        """Replace the active instruction or prompt and stop work on the old one; False if it is the same."""
        with self._changed:
            if text == self.instruction and prompt is self.prompt:
                return False
            self.instruction, self.prompt = text, prompt
            self._begin_anew()
            return True

    def set_named(self, named: tuple[tuple[str, str], ...]) -> None:
        """Replace the named instructions, and stop work on the old ones."""
        with self._changed:
            if named != self.named:
                self.named = named
                self._begin_anew()

    def set_enabled(self, enabled: bool) -> None:
        """Stop or resume work on the stream; requests are answered all the same."""
        with self._changed:
            if enabled != self.enabled:
                self.enabled = enabled
                self._begin_anew()

    def _begin_anew(self) -> None:
        self._instructed = time.monotonic()
        self._generation += 1
        self.frames.mark_unseen()
        self._changed.notify_all()

    def submit(self, request: Request) -> None:
        """Queue a request. Raises BusyError when the queue is full, NotActiveError once closed."""
        with self._changed:
            if self._closed:
                raise NotActiveError("the node is being deactivated")
            # Withdrawn requests do not count.
            self._requests = [waiting for waiting in self._requests if not waiting.answer.cancelled()]
            if len(self._requests) >= self._settings().max_requests:
                raise BusyError(f"{len(self._requests)} requests are waiting already; try again later")
            self._requests.append(request)
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse queued requests and end the worker."""
        with self._changed:
            self._closed = True
            self._generation += 1
            waiting, self._requests = self._requests, []
            self._changed.notify_all()
        for request in waiting:
            if request.answer.set_running_or_notify_cancel():
                request.answer.set_exception(NotActiveError("the node was deactivated"))

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def next_job(self) -> Job | None:
        """Wait briefly for a job; return None after ``close``.

        Requests have priority, but after each one the stream gets a frame, so that it does not starve.
        """
        with self._changed:
            job = self._pick()
            if job is None and not self._closed:
                self._changed.wait(POLL_SECONDS)
                job = self._pick()
            return job

    def lacks_frame(self, request: Request) -> bool:
        """Return whether there is no frame for the request."""
        with self._changed:
            now = time.monotonic()
            self._pass_without_depth(now)
            return request.messages is None and self._newest(now, request.submitted) is None

    def _pick(self) -> Job | None:
        if self._closed:
            return None
        now = time.monotonic()
        self._pass_without_depth(now)
        turns = [self._next_request, self._next_frame]
        for pick in reversed(turns) if self._streams_turn else turns:
            if job := pick(now):
                self._streams_turn = job.request is not None
                return job
        return None

    def _next_request(self, now: float) -> Job | None:
        for request in list(self._requests):
            messages = request.messages or self._newest(now, request.submitted)
            silent_since = max(request.submitted, self.frames.last_image_at or 0.0)
            waited = now - silent_since > self._settings().camera_timeout + self._depth_wait()
            if messages is None and not waited and not request.expired():
                continue
            self._requests.remove(request)
            if request.answer.set_running_or_notify_cancel():
                return Job(request.instruction, messages, request, lambda: self._closed)
        return None

    def _next_frame(self, now: float) -> Job | None:
        messages = self._newest(now, self._instructed)
        wanted = self.enabled and (self.instruction or self.named)
        if not wanted or not self.frames.unseen or messages is None:
            return None
        self.frames.mark_seen()
        generation = self._generation
        return Job(
            self.instruction,
            messages,
            None,
            lambda: self._generation != generation,
            self.named,
            self.prompt,
        )

    def _newest(self, now: float, since: float) -> FrameMessages | None:
        """Return the newest frame for an instruction given at ``since``.

        Frames since then are not too old for it, however long the model was busy.
        """
        settings = self._settings()
        return self.frames.current(now, settings.depth_wait, max(settings.camera_timeout, now - since))

    def _pass_without_depth(self, now: float) -> None:
        self.frames.pass_without_depth(now, self._depth_wait(), self._settings().camera_timeout)

    def _depth_wait(self) -> float:
        settings = self._settings()
        return settings.depth_wait if settings.use_depth else 0.0
