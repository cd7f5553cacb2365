"""A model that cannot be interrupted: ``backend:=test.ros.uninterruptible_backend:load``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from instructsam_ros.types import Segmentation, Status


@dataclass(frozen=True)
class UninterruptibleSegmenter:
    """Works ``seconds`` on every image, whatever happens."""

    seconds: float
    name: str = "uninterruptible"

    def encode(self, rgb: Any) -> Any:
        end, x = time.monotonic() + self.seconds, torch.ones(64, 64)
        while time.monotonic() < end:  # in and out of torch, as a model is
            for _ in range(100):
                x = (x @ x).clamp(max=1.0)
            time.sleep(0.01)
        return rgb

    def segment(self, features: Any, instruction: str, *, previous: Any = None, cancel: Any = None) -> Any:
        return Segmentation((), "thing", Status.NO_TARGET)

    def segment_image(self, rgb: Any, instruction: str) -> Any:
        return self.segment(self.encode(rgb), instruction)


def load(model: str, device: str, seconds: float) -> UninterruptibleSegmenter:
    return UninterruptibleSegmenter(seconds)
