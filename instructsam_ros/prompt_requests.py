"""What is asked of a segmenter without an instruction: an object by clicks and a box, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.prompts import read_prompts
from instructsam_ros.segmenter import Cancel, EverythingSegmenter, PromptSegmenter, Segmenter
from instructsam_ros.types import Segmentation

NAMED = 8
"""Points and boxes that the text of a request tells."""


class Request(Protocol):
    """Something else to ask than an instruction."""

    @property
    def text(self) -> str:
        """Words for it, where an answer has its instruction."""

    def ask(self, segmenter: Segmenter, features: Any, cancel: Cancel | None = None) -> Segmentation:
        """Ask a segmenter. Raises InvalidInputError for one that cannot answer, and what it raises."""


@dataclass(frozen=True)
class PromptRequest:
    """Clicks and boxes; see ``PromptSegmenter.segment_prompts``. labels: 1 for every point where none are."""

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def text(self) -> str:
        """Name points and boxes, in pixels."""
        marked = zip(self.points, self._labels(), strict=False)
        parts = [f"{'at' if label else 'not at'} {_numbers(point)}" for point, label in marked]
        parts += [f"in {_numbers(box)}" for box in self.boxes]
        more = [f"and {len(parts) - NAMED} more"] if len(parts) > NAMED else []
        return " ".join(["object", *parts[:NAMED], *more])

    def check(self, segmenter: Segmenter, size: tuple[int, int]) -> None:
        """Raise InvalidInputError where a segmenter cannot answer it on an image of (height, width)."""
        _prompted(segmenter)
        read_prompts(self.points, self._labels(), self.boxes, size)

    def ask(self, segmenter: Segmenter, features: Any, cancel: Cancel | None = None) -> Segmentation:
        """See Request.ask."""
        return _prompted(segmenter).segment_prompts(
            features, self.points, self._labels(), self.boxes, cancel=cancel
        )

    def _labels(self) -> tuple[int, ...]:
        return self.labels or (1,) * len(self.points)


@dataclass(frozen=True)
class EverythingRequest:
    """All objects; see ``EverythingSegmenter.segment_everything``."""

    text: str = "everything"

    def ask(self, segmenter: Segmenter, features: Any, cancel: Cancel | None = None) -> Segmentation:
        """See Request.ask."""
        if not isinstance(segmenter, EverythingSegmenter):
            raise InvalidInputError(
                f"{segmenter.name} needs an instruction; compact, sam3 and sam3i find everything"
            )
        return segmenter.segment_everything(features, cancel=cancel)


def _prompted(segmenter: Segmenter) -> PromptSegmenter:
    if not isinstance(segmenter, PromptSegmenter):
        raise InvalidInputError(f"{segmenter.name} takes no points and boxes; compact, sam3 and sam3i do")
    return segmenter


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
