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
from instructsam_ros.ros.sync import NANOSECONDS, QUEUE_SIZE, stamp_ns

POLL_SECONDS = 0.05
REMEMBERED = 4 * QUEUE_SIZE
"""Images of which a slot knows when they arrived; more than a synchroniser keeps."""


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

    camera: the frame to use, or None for the newest. deadline: time.monotonic(), or None. withdrawn: nobody
    waits for the answer any more.
    """

    instruction: str
    camera: CameraMessages | None = None
    deadline: float | None = None
    target_frame: str = ""
    cancelled: Callable[[], bool] = lambda: False
    on_stage: Callable[[str], None] | None = None
    submitted: float = field(default_factory=time.monotonic)
    answer: Future[Any] = field(default_factory=Future)
    withdrawn: bool = False

    def withdraw(self) -> bool:
        """Give up waiting; whether the model had not begun yet."""
        self.withdrawn = True
        return self.answer.cancel()

    def unwanted(self) -> bool:
        """Whether to stop working on it."""
        return self.withdrawn or self.cancelled() or self.expired()

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


@dataclass(frozen=True)
class Arrival:
    """number: how many images had arrived with this one. at: time.monotonic()."""

    number: int
    at: float


class FrameSlot:
    """The newest frame. An image waits ``depth_wait`` seconds for its depth, then goes without.

    Frames come out in the order in which their images arrived: a pair that is complete when its image, or a
    later one, has been handed out is let go. A frame that the stream never saw before the next one came
    counts as dropped, if there was an instruction to see it with (``wanted``). Not locked: Inbox does that.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._image: CameraMessages | None = None
        self._info: Any | None = None
        self._lacking_since: float | None = None
        self._arrivals: dict[int, Arrival] = {}
        self._last = Arrival(0, 0.0)
        self._shown = 0
        self.newest: CameraMessages | None = None
        self.unseen = False
        self.wanted = False
        self.last_image_at: float | None = None
        self.last_depth_at: float | None = None
        self.depth_offset: float | None = None

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
        self._last = Arrival(self._last.number + 1, now)
        self._arrivals.pop(stamp_ns(message), None)  # a repeated stamp counts as arrived now
        self._arrivals[stamp_ns(message)] = self._last
        if len(self._arrivals) > REMEMBERED:
            del self._arrivals[next(iter(self._arrivals))]
        self._image = CameraMessages(message, None, None, now)
        self.last_image_at = now
        if self._lacking_since is None:
            self._lacking_since = now

    def store_pair(self, image: Any, depth: Any, now: float, depth_wait: float) -> None:
        """Keep an image with its depth, if no frame as new has been handed out."""
        arrival = self._arrivals.get(stamp_ns(image))
        if arrival is None:
            return
        in_time, ahead = now - arrival.at <= depth_wait, arrival.number > self._shown
        if not (in_time or ahead):
            return
        self.last_depth_at = now
        self.depth_offset = (stamp_ns(depth) - stamp_ns(image)) / NANOSECONDS
        if arrival == self._last:
            self._image = None
        if in_time and self._info is not None:
            self._lacking_since = None if self._image is None else now
        if ahead:
            self._show(CameraMessages(image, depth, None, arrival.at), arrival.number)

    def pass_without_depth(self, now: float, depth_wait: float) -> None:
        """Give up waiting for the depth of the kept image once that has been ``depth_wait`` seconds."""
        if self._image is None or self._lacking_since is None or now - self._lacking_since < depth_wait:
            return
        lone, self._image = self._image, None
        self._show(lone, self._last.number)

    def current(self, now: float, depth_wait: float, max_age: float) -> CameraMessages | None:
        """The newest frame with the latest camera_info, if it is not older than ``max_age`` seconds."""
        frame = self.newest
        if frame is None or now - frame.received > max_age:
            return None
        waiting = self._lacking_since is not None and now - self._lacking_since < depth_wait
        if frame.depth is not None and self._info is None and waiting:
            return None
        return CameraMessages(frame.image, frame.depth, self._info, frame.received)

    def _show(self, frame: CameraMessages, number: int) -> None:
        if self.wanted:
            self._counters.add("dropped", number - self._shown - 1 + self.unseen)
        self.newest, self.unseen, self._shown = frame, True, number


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
            self.frames.store_pair(image, depth, time.monotonic(), self._settings().depth_wait)
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
            self.frames.unseen, self.frames.wanted = self.frames.newest is not None, True
            self._changed.notify_all()
            return True

    def submit(self, request: Request) -> None:
        """Queue a request. Raises BusyError when the queue is full, NotActiveError once closed."""
        with self._changed:
            if self._closed:
                raise NotActiveError("the node is being deactivated")
            # Those that gave up in the queue take no place.
            self._requests = [waiting for waiting in self._requests if not waiting.answer.cancelled()]
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
