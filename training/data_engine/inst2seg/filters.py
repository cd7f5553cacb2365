"""What instances and questions are left out without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.training.data_engine.inst2seg.schemas import Question, parse_ground
from instructsam_ros.training.data_engine.masks import mask_box_iou
from instructsam_ros.types import mask_iou
from instructsam_ros.yaml_config import check_range

MOST_INSTANCES = 10
"""The published training leaves answers with more instances out."""


@dataclass(frozen=True)
class FilterSettings:
    """box: least IoU of the model's box and the mask's. pixels: least size of a mask. same: IoU of two masks
    from which on they are the same object. second_look: whether the model checks what is left.
    """

    box: float = 0.5
    pixels: int = 64
    same: float = 0.7
    second_look: bool = True

    def __post_init__(self) -> None:
        check_range(self, 0, 1, "box", "same")
        check_range(self, 1, 10**9, "pixels")


def mask_problem(mask: NDArray[np.bool_], box: NDArray[np.float64], settings: FilterSettings) -> str:
    """Why a mask bool [H, W] from a box x0 y0 x1 y1 in pixels cannot be used; "" for one that can."""
    if not mask.any():
        return "no mask"
    if int(mask.sum()) < settings.pixels:
        return "tiny mask"
    return "box and mask disagree" if mask_box_iou(mask, box) < settings.box else ""


def repeated_masks(masks: NDArray[np.bool_], settings: FilterSettings) -> list[int]:
    """Indices of masks [n, H, W] that outline what an earlier one outlines."""
    return [
        place
        for place in range(1, len(masks))
        if any(mask_iou(masks[place], masks[other]) >= settings.same for other in range(place))
    ]


def count_problem(question: Question, count: int) -> str:
    """Why so many instances are no answer to a question; "" if they are one."""
    ground = parse_ground(question.ground)
    if count > MOST_INSTANCES:
        return "too many instances"
    if ground.holds(count):
        return ""
    return "negative with a target" if ground.high == 0 else "count disagrees with ground"


def repeated_questions(questions: Sequence[Question]) -> list[int]:
    """Indices of questions that say what an earlier one says, but for case and punctuation."""
    seen: set[str] = set()
    found = []
    for place, question in enumerate(questions):
        key = " ".join(re.findall(r"\w+", question.question.lower()))
        if key in seen:
            found.append(place)
        seen.add(key)
    return found
