"""IoU of the union of all masks of an answer, the measure that gIoU averages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.instructions import Instruction
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.types import Segmentation, mask_iou


def union_mask(segmentation: Segmentation, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the union of all masks, bool [H, W]; empty without instances. size: height and width."""
    masks = [np.zeros(size, bool), *(instance.mask for instance in segmentation.instances)]
    union: NDArray[np.bool_] = np.any(masks, axis=0)
    return union


def union_iou(
    segmenter: Segmenter, features: object, instruction: Instruction, ids: NDArray[np.uint8]
) -> float:
    """Compute the IoU of the answer's and the targets' unions; 1 if both are empty.

    ids: uint8 [H, W], the object of every pixel.
    """
    answer = union_mask(segmenter.segment(features, instruction.text), ids.shape)
    return mask_iou(answer, np.isin(ids, instruction.targets), empty=1.0)
