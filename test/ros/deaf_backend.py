"""A model that cannot be interrupted: ``backend:=test.ros.deaf_backend:load``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from instructsam_ros.types import Segmentation, Status


@dataclass(frozen=True)
class DeafSegmenter:
    """Works ``seconds`` on every image, whatever happens."""

    seconds: float
    name: str = "deaf"

    def encode(self, rgb: Any) -> Any:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.05)
        return rgb

    def segment(self, features: Any, instruction: str, *, previous: Any = None, cancel: Any = None) -> Any:
        return Segmentation((), "thing", Status.NO_TARGET)

    def segment_image(self, rgb: Any, instruction: str) -> Any:
        return self.segment(self.encode(rgb), instruction)


def load(model: str, device: str, seconds: float) -> DeafSegmenter:
    return DeafSegmenter(seconds)
