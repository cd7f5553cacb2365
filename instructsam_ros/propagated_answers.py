"""Instruct once, then follow: an answer is carried to the frames after it until the model is due again."""

from __future__ import annotations

import time
from dataclasses import replace
from types import MappingProxyType

from instructsam_ros.errors import ConfigError
from instructsam_ros.tracking.propagation import MaskPropagator
from instructsam_ros.types import Frame, Instance, Segmentation, tight_box

FOLLOWED = "[followed] "
"""Begins the text of an answer that was carried on."""
STAGE = "follow"
"""Among the timings of a followed answer, and of no other."""


class AnswerPropagator:
    """Answers of a stream between two inferences, by mask propagation. Not thread-safe.

    refresh: the model is asked at one of so many frames at least; at 1 nothing is followed.
    It is also asked when an instance is lost, for another instruction or size of the image, and as
    long as there is nothing to follow. Scores are those of the model times the propagator's confidence.
    """

    def __init__(self, propagator: MaskPropagator, refresh: int) -> None:
        if refresh < 1:
            raise ConfigError(f"refresh is {refresh} frames; it must be at least 1")
        self._propagator = propagator
        self.refresh = refresh
        self._answer: tuple[str, Segmentation] | None = None
        self._followed = 0

    def follow(self, frame: Frame, instruction: str) -> Segmentation | None:
        """Carry the last answer to this frame; None where the model is to be asked."""
        if self._answer is None:
            return None
        text, answer = self._answer
        self._answer = None  # unless all of it is found again
        due = self._followed + 1 >= self.refresh
        size = frame.rgb.shape[:2]
        if due or text != instruction or answer.instances[0].mask.shape != size:
            return None
        started = time.perf_counter()
        masks = self._propagator.follow(frame.rgb, frame.depth)
        if len(masks) < len(answer.instances):
            return None
        self._answer, self._followed = (text, answer), self._followed + 1
        instances = tuple(
            Instance(
                masks[number].mask,
                tight_box(masks[number].mask),
                instance.score * masks[number].confidence,
                instance.phrase,
            )
            for number, instance in enumerate(answer.instances)
        )
        timings = MappingProxyType({STAGE: time.perf_counter() - started})
        return replace(answer, instances=instances, answer=FOLLOWED + answer.answer, timings=timings)

    def start(self, frame: Frame, instruction: str, answer: Segmentation) -> None:
        """Follow the model's answer on this frame from now on."""
        self._answer, self._followed = None, 0
        if answer.instances and all(instance.mask.any() for instance in answer.instances):
            masks = [instance.mask for instance in answer.instances]
            self._propagator.start(frame.rgb, masks, range(len(masks)), frame.depth)
            self._answer = (instruction, answer)
