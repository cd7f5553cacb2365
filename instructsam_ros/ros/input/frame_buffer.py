"""The newest frame of the camera: an image, with its depth if that comes in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.synchronizer import NANOSECONDS, QUEUE_SIZE, stamp_ns

TOLERANCE = 0.05
"""Seconds by which depth may exceed ``depth_wait`` and still be in time, as callbacks run in turn."""


@dataclass(frozen=True)
class FrameMessages:
    """One frame as it arrived. received: time.monotonic() of the image's arrival."""

    image: Any
    depth: Any | None
    info: Any | None
    received: float


@dataclass(frozen=True)
class Arrival:
    """number: how many images had arrived with this one. at: time.monotonic()."""

    number: int
    at: float


def frame_id_warning(messages: FrameMessages) -> str:
    """Return a warning about inconsistent frame_ids of a frame's parts; empty if there is none."""
    own = messages.image.header.frame_id
    if not own:
        return "the image has no frame_id, so nobody can tell where things are: set it in the camera's driver"
    odd = other_frames(messages)
    if not odd:
        return ""
    return f"{' and '.join(odd)} but the image is in {own!r}: is depth aligned to the image?"


def other_frames(messages: FrameMessages) -> list[str]:
    """Say which of depth and camera_info have another frame_id than the image, and which."""
    parts = {"depth": messages.depth, "camera_info": messages.info}
    return [
        f"{name} is in {message.header.frame_id!r}"
        for name, message in parts.items()
        if message is not None and message.header.frame_id != messages.image.header.frame_id
    ]


class FrameBuffer:
    """The newest frame. An image waits ``depth_wait`` seconds for its depth, then goes without.

    Where no depth has come in time for long, images do not wait any more until one does. Frames come out in
    the order in which their images arrived: a pair that is complete only after its image, or a later one,
    has been handed out is discarded. A frame that the stream has not processed when the next one comes
    counts as dropped, if there was an instruction. ``unseen``: the newest frame has not been processed with
    the active instruction. Not locked: JobQueue does that.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._arrivals: dict[int, Arrival] = {}
        self._waiting: deque[tuple[Arrival, Any]] = deque(maxlen=QUEUE_SIZE)
        self._waits_for_depth = True
        self._info: Any | None = None
        self._count = self._shown = 0
        self._first_image_at = self._shown_at = 0.0
        self._missed = self._wanted = False
        self.newest: FrameMessages | None = None
        self.unseen = False
        self.last_image_at: float | None = None
        self.last_depth_at: float | None = None
        self.depth_offset: float | None = None

    def store_info(self, message: Any) -> None:
        """Keep the camera_info; the latest one holds for every frame after it."""
        self._info = message

    @property
    def has_info(self) -> bool:
        """Return whether a camera_info has arrived."""
        return self._info is not None

    @property
    def frame_id_warning(self) -> str:
        """Warning about inconsistent frame_ids of the newest frame."""
        frame = self.newest
        return "" if frame is None else frame_id_warning(replace(frame, info=self._info))

    def store_image(self, message: Any, now: float) -> None:
        """Keep an image until its depth arrives."""
        self._counters.add("received")
        self._count += 1
        if self._count == 1:
            self._first_image_at = now
        arrival, stamp = Arrival(self._count, now), stamp_ns(message)
        self._arrivals.pop(stamp, None)  # a repeated stamp counts as arrived now
        self._arrivals[stamp] = arrival
        if len(self._arrivals) > QUEUE_SIZE:
            del self._arrivals[next(iter(self._arrivals))]
        self._waiting.append((arrival, message))
        self.last_image_at = now

    def store_pair(self, image: Any, depth: Any, now: float, depth_wait: float) -> None:
        """Keep an image with its depth, unless a frame as new has been returned."""
        arrival = self._arrivals.get(stamp_ns(image))
        if arrival is None:
            return
        if now - arrival.at <= depth_wait + TOLERANCE:
            self._waits_for_depth = True
            self.last_depth_at = now
            self.depth_offset = (stamp_ns(depth) - stamp_ns(image)) / NANOSECONDS
        if arrival.number > self._shown:
            self._show(FrameMessages(image, depth, None, arrival.at), arrival.number, now)

    def pass_without_depth(self, now: float, depth_wait: float, gone_after: float) -> None:
        """Stop waiting for the depth of images that are ``depth_wait`` seconds old.

        gone_after: seconds without depth in time after which no image waits for it.
        """
        wait = depth_wait if self._waits_for_depth else 0.0
        pushed_out = self._count - QUEUE_SIZE + 1  # by the next image
        due = [
            (arrival, image)
            for arrival, image in self._waiting
            if now - arrival.at >= wait or arrival.number <= pushed_out
        ]
        if not due:
            return
        arrival, image = due[-1]
        out = min(now, arrival.at + wait)  # independent of when a busy model fetches it
        self._show(FrameMessages(image, None, None, arrival.at), arrival.number, out)
        self._waits_for_depth = self.last_depth_at is not None and now - self.last_depth_at <= gone_after

    def current(self, now: float, depth_wait: float, max_age: float) -> FrameMessages | None:
        """Return the newest frame with the latest camera_info, for ``max_age`` seconds from its output.

        From then and not from when its image arrived, since waiting for depth must not use it up.
        """
        frame = self.newest
        if frame is None or now - self._shown_at > max_age:
            return None
        if frame.depth is not None and self._info is None and now - self._first_image_at < depth_wait:
            return None
        return FrameMessages(frame.image, frame.depth, self._info, frame.received)

    def mark_unseen(self) -> None:
        """Mark the newest frame as unprocessed after a change of the instruction."""
        self.unseen, self._wanted = self.newest is not None, True

    def mark_seen(self) -> None:
        """Mark the newest frame as processed by the stream."""
        self.unseen = self._missed = False

    def _show(self, frame: FrameMessages, number: int, at: float) -> None:
        if self._wanted:
            self._counters.add("dropped", number - self._shown - 1 + self._missed)
        while self._waiting and self._waiting[0][0].number <= number:
            self._waiting.popleft()
        self.newest, self._shown, self._shown_at = frame, number, at
        self.unseen = self._missed = True
