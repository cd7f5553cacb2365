"""SAM 3 with clicks, boxes and a request for everything; see ``segmenter.PromptSegmenter``."""

from __future__ import annotations

import torch
from torch import Tensor

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.common.device import NOT_NUMBERS
from instructsam_ros.models.instructsam.postprocessing import full_size
from instructsam_ros.models.sam3.mask_generation import generate_masks
from instructsam_ros.models.sam3.tracker import Sam3Tracker, TrackerLevels
from instructsam_ros.prompts import PROMPTED_PHRASE, Prompt
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import Instance, tight_box

MAX_OBJECTS = 200
"""Of everything in an image; further ones are not returned."""


def prompted_instance(
    tracker: Sam3Tracker, levels: TrackerLevels, prompt: Prompt, size: tuple[int, int]
) -> list[Instance]:
    """Segment the object of a prompt; none where its mask has no pixel. size: height and width of the image.

    A single click may mean a thing or its part: of three masks, the one with the highest expected IoU is
    taken. Several points, or a box, have one mask. The score is the expected IoU.
    """
    scale = torch.tensor([tracker.side / size[1], tracker.side / size[0]])
    device = levels.coarse.device
    points = labels = boxes = None
    if len(prompt.points):
        points = (torch.from_numpy(prompt.points).float() * scale)[None].to(device)
        labels = torch.from_numpy(prompt.labels).long()[None].to(device)
    if prompt.box is not None:
        boxes = (torch.from_numpy(prompt.box).float() * scale.repeat(2))[None].to(device)
    ambiguous = boxes is None and len(prompt.points) == 1
    logits, expected = tracker.masks(levels, points, labels, boxes, several=ambiguous)
    best = int(expected[0].argmax())
    return _instances(logits[0, best : best + 1], expected[0, best : best + 1], size)


def all_instances(
    tracker: Sam3Tracker, levels: TrackerLevels, per_side: int, size: tuple[int, int], cancel: Cancel | None
) -> tuple[list[Instance], bool]:
    """Segment all objects, the surest first, and tell whether there are more than MAX_OBJECTS.

    per_side, cancel: see ``generate_masks``.
    """
    logits, expected = generate_masks(tracker, levels, per_side, lambda: raise_if_cancelled(cancel))
    found = _instances(logits[:MAX_OBJECTS], expected[:MAX_OBJECTS], size)
    return found, len(logits) > MAX_OBJECTS


def _instances(logits: Tensor, expected: Tensor, size: tuple[int, int]) -> list[Instance]:
    if bool(expected.isnan().any()) or bool(logits.isnan().any()):
        raise InstructSamError(f"the scores or masks {NOT_NUMBERS}")
    masks = [full_size(each, size) for each in logits]
    return [
        Instance(mask, tight_box(mask), float(score), PROMPTED_PHRASE)
        for mask, score in zip(masks, expected, strict=True)
        if mask.any()
    ]
