"""Plays films at any rate, however slowly they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros.cameras.frames import CameraFrame

POLL_SECONDS = 0.1


@dataclass
class Film:
    """Frames so far; ``complete`` when no more will come."""

    frames: list[CameraFrame] = field(default_factory=list)
    complete: bool = False


class Projector:
    """Repeats a film until the next one is complete; makes one film ahead, in a thread.

    While the very first film is being made, its newest frame stands still. When no more films
    come, the last one goes on. A film that fails is reported and ends the making.
    """

    def __init__(
        self,
        films: Iterator[Iterable[CameraFrame]],
        stop: threading.Event,
        report: Callable[[InstructSamError], None],
    ) -> None:
        self._films = films
        self._stop = stop
        self._report = report
        self._playing = Film()
        self._position = -1
        self._next: Film | None = None
        self._failure: InstructSamError | None = None
        self._thread = threading.Thread(target=self._make, name="films", daemon=True)

    def start(self) -> None:
        """Begin, and wait for the first frame. Raises the InstructSamError that came instead of it."""
        self._thread.start()
        while not self._playing.frames and self._thread.is_alive():
            self._thread.join(POLL_SECONDS)
        if not self._playing.frames and self._failure is not None:
            raise self._failure

    def next_frame(self) -> CameraFrame | None:
        """The frame whose turn it is; None only when ``stop`` was set before there was any."""
        if self._position + 1 < len(self._playing.frames):
            self._position += 1
        elif self._playing.complete:
            self._position = 0
            self._playing, self._next = self._next or self._playing, None
        return self._playing.frames[self._position] if self._playing.frames else None

    def join(self) -> None:
        """Wait for the thread, which ends soon after ``stop``."""
        self._thread.join()

    def _make(self) -> None:
        film = self._playing
        try:
            for frames in self._films:
                while self._next is not None:
                    if self._stop.wait(POLL_SECONDS):
                        return
                for frame in frames:
                    film.frames.append(frame)
                if self._stop.is_set():
                    return
                film.complete = True
                if film is not self._playing:
                    self._next = film
                film = Film()
        except InstructSamError as error:
            self._failure = error
            if self._playing.frames:
                self._report(error)
