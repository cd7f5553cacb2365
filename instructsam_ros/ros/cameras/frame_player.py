"""Playback of clips at a rate that does not depend on how fast they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros.cameras.frames import CameraFrame

POLL_SECONDS = 0.1


@dataclass
class Clip:
    """Frames so far; ``complete`` when no more will come."""

    frames: list[CameraFrame] = field(default_factory=list)
    complete: bool = False


class FramePlayer:
    """Player that repeats a clip until the next one is complete, which a thread makes.

    While the very first clip is being made, its newest frame stands still. When no more clips
    come, the last one goes on. A clip that fails is reported and ends the making.
    """

    def __init__(
        self,
        clips: Iterator[Iterable[CameraFrame]],
        stop: threading.Event,
        report: Callable[[InstructSamError], None],
    ) -> None:
        self._clips = clips
        self._stop = stop
        self._report = report
        self._current = Clip()
        self._position = -1
        self._next: Clip | None = None
        self._failure: InstructSamError | None = None
        self._thread = threading.Thread(target=self._make, name="clips", daemon=True)

    def start(self) -> None:
        """Begin, and wait for the first frame. Raises the InstructSamError that came instead of it."""
        self._thread.start()
        while not self._current.frames and self._thread.is_alive():
            self._thread.join(POLL_SECONDS)
        if not self._current.frames and self._failure is not None:
            raise self._failure

    def next_frame(self) -> CameraFrame | None:
        """Return the frame to publish now; None only when ``stop`` was set before the first one."""
        if self._position + 1 < len(self._current.frames):
            self._position += 1
        elif self._current.complete:
            self._position = 0
            self._current, self._next = self._next or self._current, None
        return self._current.frames[self._position] if self._current.frames else None

    def join(self) -> None:
        """Wait for the thread, which ends soon after ``stop``."""
        self._thread.join()

    def _make(self) -> None:
        clip = self._current
        try:
            for frames in self._clips:
                while self._next is not None:
                    if self._stop.wait(POLL_SECONDS):
                        return
                for frame in frames:
                    clip.frames.append(frame)
                if self._stop.is_set():
                    return
                clip.complete = True
                if clip is not self._current:
                    self._next = clip
                clip = Clip()
        except InstructSamError as error:
            self._failure = error
            if self._current.frames:
                self._report(error)
