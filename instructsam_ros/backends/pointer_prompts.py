"""The compact model with clicks, boxes and a request for everything; see ``segmenter.PromptSegmenter``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import MappingProxyType

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from instructsam_ros.backends.instructsam import EncodedImage, InstructSamSegmenter
from instructsam_ros.models.instructsam.compact.detector import PointerDetector, PointerFeatures
from instructsam_ros.models.instructsam.compact.prompts import object_logits, prompted_logits, stability
from instructsam_ros.models.instructsam.postprocessing import full_size
from instructsam_ros.prompts import PROMPTED_PHRASE, read_prompts
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import Instance, Segmentation, Status, tight_box


@dataclass(frozen=True)
class PointerSegmenter(InstructSamSegmenter):
    """InstructSamSegmenter whose detector finds objects without an instruction, too."""

    @torch.inference_mode()
    def segment_prompts(
        self,
        features: EncodedImage,
        points: ArrayLike,
        labels: ArrayLike,
        boxes: ArrayLike = (),
        *,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Segment what clicks and boxes mean; see PromptSegmenter.segment_prompts."""
        size = (features.height, features.width)
        prompts, start = read_prompts(points, labels, boxes, size), time.perf_counter()
        detector, image = self._parts(features)
        found = []
        for prompt in prompts:
            raise_if_cancelled(cancel)
            found += _instances(prompted_logits(detector, image, prompt, size), size)
        return _answer(found, features, start)

    @torch.inference_mode()
    def segment_everything(self, features: EncodedImage, *, cancel: Cancel | None = None) -> Segmentation:
        """Segment all objects; see EverythingSegmenter.segment_everything."""
        start, size = time.perf_counter(), (features.height, features.width)
        raise_if_cancelled(cancel)
        found = []
        for logits in object_logits(*self._parts(features)):
            raise_if_cancelled(cancel)
            found += _instances(logits, size)
        return _answer(found, features, start)

    def _parts(self, features: EncodedImage) -> tuple[PointerDetector, PointerFeatures]:
        detector, image = self.model.detector, features.features
        if not isinstance(detector, PointerDetector) or not isinstance(image, PointerFeatures):
            raise TypeError(f"clicks need a PointerDetector, got {type(detector).__name__}")
        return detector, image


def _instances(logits: Tensor, size: tuple[int, int]) -> list[Instance]:
    """Make an instance of mask logits [h, w]; none of a mask without pixels."""
    mask = full_size(logits, size)
    if not mask.any():
        return []
    return [Instance(mask, tight_box(mask), float(stability(logits)), PROMPTED_PHRASE)]


def _answer(found: list[Instance], features: EncodedImage, start: float) -> Segmentation:
    seconds = {"encode": features.seconds, "masks": time.perf_counter() - start}
    status = Status.OK if found else Status.NO_TARGET
    answer = PROMPTED_PHRASE if found else "nothing"
    return Segmentation(tuple(found), answer, status, MappingProxyType(seconds))
