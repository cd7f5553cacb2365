"""Masks of objects from their boxes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.segmenter import load
from instructsam_ros.types import tight_box

Masks = NDArray[np.bool_]
BoxMasks = Callable[[NDArray[np.uint8], NDArray[np.float64], Sequence[str]], Masks]
"""(rgb uint8 [H, W, 3], boxes [n, 4] x0 y0 x1 y1 in pixels, noun of each) -> bool [n, H, W]; an empty mask
where none is found.
"""


@dataclass(frozen=True)
class MaskSettings:
    """backend: "tracker" for the tracker of SAM 3 or for SAM 2, prompted with the boxes; "segmenter" for a
    model of this package, which is asked for the noun; or module:function of your own, called with model and
    device, which returns a BoxMasks. model: folder or hub id.
    """

    backend: str = "segmenter"
    model: str = "compact"
    device: str = "auto"


def load_masks(settings: MaskSettings) -> BoxMasks:
    """Load what makes masks. Raises ConfigError for an unknown backend, CheckpointError for the weights."""
    if settings.backend == "segmenter":
        return SegmenterMasks(load(settings.model, device=settings.device))
    if settings.backend == "tracker":
        return TrackerMasks.load(settings.model, settings.device)
    module, _, function = settings.backend.partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"masks.backend {settings.backend!r} is neither tracker, segmenter nor module:function: {error}"
        ) from None
    masks: BoxMasks = make(settings.model, settings.device)
    return masks


@dataclass(frozen=True)
class SegmenterMasks:
    """Asks a Segmenter for the nouns and takes the instance whose box fits best. fit: least IoU of boxes."""

    model: Any
    fit: float = 0.3

    def __call__(self, rgb: NDArray[np.uint8], boxes: NDArray[np.float64], nouns: Sequence[str]) -> Masks:
        """See BoxMasks."""
        found = np.zeros((len(boxes), *rgb.shape[:2]), bool)
        features = self.model.encode(rgb) if len(boxes) else None
        instances = {noun: self.model.segment(features, noun).instances for noun in dict.fromkeys(nouns)}
        for place, (box, noun) in enumerate(zip(boxes, nouns, strict=True)):
            fits = [box_iou(np.asarray(each.box, np.float64), box) for each in instances[noun]]
            if fits and max(fits) >= self.fit:
                found[place] = instances[noun][int(np.argmax(fits))].mask
        return found


@dataclass(frozen=True)
class TrackerMasks:
    """Prompts a model of transformers that takes boxes, Sam3TrackerModel or Sam2Model."""

    model: Any
    processor: Any

    @classmethod
    def load(cls, path: str, device: str) -> TrackerMasks:
        """Load from a folder or hub id. Raises CheckpointError for unusable weights."""
        import transformers

        from instructsam_ros.models.common.device import torch_device
        from instructsam_ros.models.common.hub import checkpoint_folder

        folder = checkpoint_folder(path, offline=Path(path).is_dir())
        try:
            kind = transformers.AutoConfig.from_pretrained(folder).model_type
            family = "Sam2" if kind.startswith("sam2") else "Sam3Tracker"
            model = getattr(transformers, f"{family}Model").from_pretrained(folder)
            processor = getattr(transformers, f"{family}Processor").from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be loaded as SAM 3 or SAM 2: {error}") from None
        return cls(model.to(torch_device(device)).eval(), processor)

    def __call__(self, rgb: NDArray[np.uint8], boxes: NDArray[np.float64], nouns: Sequence[str]) -> Masks:
        """See BoxMasks."""
        import torch

        if not len(boxes):
            return np.zeros((0, *rgb.shape[:2]), bool)
        inputs = self.processor(images=rgb, input_boxes=[boxes.tolist()], return_tensors="pt")
        with torch.inference_mode():
            answer = self.model(**inputs.to(self.model.device), multimask_output=False)
        (masks,) = self.processor.post_process_masks(answer.pred_masks.cpu(), inputs["original_sizes"].cpu())
        return np.asarray(masks[:, 0].numpy(), bool)


def box_iou(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Compute the intersection over union of two boxes x0 y0 x1 y1, 0..1."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    inner = float(np.prod(np.maximum(0, high - low)))
    areas = [float(np.prod(np.maximum(0, box[2:] - box[:2]))) for box in (first, second)]
    union = sum(areas) - inner
    return inner / union if union > 0 else 0.0


def mask_box_iou(mask: NDArray[np.bool_], box: NDArray[Any]) -> float:
    """Compute the intersection over union of a mask's box and a box, 0..1."""
    return box_iou(tight_box(mask).astype(np.float64), np.asarray(box, np.float64))
