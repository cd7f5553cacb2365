"""Where callbacks leave what arrives: the newest frame, the standing instruction, explicit requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.failures import BusyError, NotActiveError
from instructsam_ros.ros.params import NodeSettings
from instructsam_ros.ros.sync import stamp_ns

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class CameraMessages:
    """One frame as it arrived. received: time.monotonic() of the image's arrival."""

    image: Any
    depth: Any | None
    info: Any | None
    received: float


@dataclass
class Request:
    """One explicit question. ``answer`` gets the InstanceArray or the exception.

    camera: the frame to use, or None for the newest. deadline: time.monotonic(), or None.
    """

    instruction: str
    camera: CameraMessages | None = None
    deadline: float | None = None
    target_frame: str = ""
    cancelled: Callable[[], bool] = lambda: False
    on_stage: Callable[[str], None] | None = None
    submitted: float = field(default_factory=time.monotonic)
    answer: Future[Any] = field(default_factory=Future)

    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline


@dataclass(frozen=True)
class Job:
    """What the worker does next. camera is None when no frame came in time for the request."""

    instruction: str
    camera: CameraMessages | None
    request: Request | None
    superseded: Callable[[], bool]


class FrameSlot:
    """The newest frame. An image waits ``depth_wait`` seconds for its depth, then goes without.

    Not locked: Inbox does that. A frame that the stream never saw before the next one came counts
    as dropped.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._image: CameraMessages | None = None
        self._info: Any | None = None
        self._lacking_since: float | None = None
        self.newest: CameraMessages | None = None
        self.unseen = False
        self.last_image_at: float | None = None
        self.last_depth_at: float | None = None

    def store_info(self, message: Any) -> None:
        """Keep the camera_info; the latest one holds for every frame after it."""
        self._info = message

    @property
    def has_info(self) -> bool:
        """Whether a camera_info has arrived."""
        return self._info is not None

    def store_image(self, message: Any, now: float) -> None:
        """Keep an image until its depth arrives."""
        self._counters.add("received")
        if self._image is not None:
            self._counters.add("dropped")
        self._image = CameraMessages(message, None, None, now)
        self.last_image_at = now
        if self._lacking_since is None:
            self._lacking_since = now

    def store_pair(self, image: Any, depth: Any, now: float) -> None:
        """Keep an image with its depth, unless it has been handed out without."""
        self.last_depth_at = now
        waiting = self._image
        received = waiting.received if waiting is not None and waiting.image is image else now
        if waiting is not None and stamp_ns(waiting.image) <= stamp_ns(image):
            if waiting.image is not image:
                self._counters.add("dropped")
            self._image = None
        if self._info is not None:
            self._lacking_since = None if self._image is None else now
        if self.newest is None or self.newest.image is not image:
            self._show(CameraMessages(image, depth, None, received))

    def pass_without_depth(self, now: float, depth_wait: float) -> None:
        """Give up waiting for the depth of the kept image once that has been ``depth_wait`` seconds."""
        if self._image is None or self._lacking_since is None or now - self._lacking_since < depth_wait:
            return
        lone, self._image = self._image, None
        self._show(lone)

    def current(self, now: float, depth_wait: float, max_age: float) -> CameraMessages | None:
        """The newest frame with the latest camera_info, if it is not older than ``max_age`` seconds."""
        frame = self.newest
        if frame is None or now - frame.received > max_age:
            return None
        waiting = self._lacking_since is not None and now - self._lacking_since < depth_wait
        if frame.depth is not None and self._info is None and waiting:
            return None
        return CameraMessages(frame.image, frame.depth, self._info, frame.received)

    def _show(self, frame: CameraMessages) -> None:
        if self.unseen:
            self._counters.add("dropped")
        self.newest, self.unseen = frame, True


class Inbox:
    """Frames, instruction and requests, under one lock; the worker takes one job after the other."""

    def __init__(self, counters: Counters, settings: Callable[[], NodeSettings]) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._generation = 0
        self._closed = False
        self.instruction = ""
        self.frames = FrameSlot(counters)

    def store_image(self, message: Any) -> None:
        """Callback of the image subscription."""
        with self._changed:
            self.frames.store_image(message, time.monotonic())
            self._changed.notify_all()

    def store_pair(self, image: Any, depth: Any) -> None:
        """Callback of the synchroniser."""
        with self._changed:
            self.frames.store_pair(image, depth, time.monotonic())
            self._changed.notify_all()

    def store_info(self, message: Any) -> None:
        """Callback of the camera_info subscription."""
        with self._changed:
            self.frames.store_info(message)
            self._changed.notify_all()

    def set_instruction(self, text: str) -> bool:
        """Replace the standing instruction and stop work on the old one; False if it is the same."""
        with self._changed:
            if text == self.instruction:
                return False
            self.instruction = text
            self._generation += 1
            self.frames.unseen = self.frames.newest is not None
            self._changed.notify_all()
            return True

    def submit(self, request: Request) -> None:
        """Queue a request. Raises BusyError when the queue is full, NotActiveError once closed."""
        with self._changed:
            if self._closed:
                raise NotActiveError("the node is being deactivated")
            if len(self._requests) >= self._settings().max_requests:
                raise BusyError(f"{len(self._requests)} requests are waiting already; try again later")
            self._requests.append(request)
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse what is queued and let the worker end."""
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
        """Whether close() was called."""
        return self._closed

    def next_job(self) -> Job | None:
        """Wait a moment for something to do; requests go before the stream."""
        with self._changed:
            job = self._pick()
            if job is None and not self._closed:
                self._changed.wait(POLL_SECONDS)
                job = self._pick()
            return job

    def _pick(self) -> Job | None:
        settings, now = self._settings(), time.monotonic()
        self.frames.pass_without_depth(now, settings.depth_wait if settings.use_depth else 0.0)
        newest = self.frames.current(now, settings.depth_wait, settings.camera_timeout)
        for request in list(self._requests):
            camera = request.camera or newest
            waited = now - request.submitted > settings.camera_timeout
            if camera is None and not waited and not request.expired():
                continue
            self._requests.remove(request)
            if request.answer.set_running_or_notify_cancel():
                return Job(request.instruction, camera, request, lambda: self._closed)
        if not self.instruction or not self.frames.unseen or newest is None:
            return None
        self.frames.unseen = False
        generation = self._generation
        return Job(self.instruction, newest, None, lambda: self._generation != generation)
