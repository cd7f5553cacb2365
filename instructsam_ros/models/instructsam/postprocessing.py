"""Postprocessing of detector outputs: score thresholds, non-maximum suppression, masks at image size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.common.device import NOT_NUMBERS
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.types import Instance, PhraseAnswer, Status, tight_box


def read_instances(
    output: DetectorOutput, phrases: Sequence[str], size: tuple[int, int], config: InstructSamConfig
) -> tuple[list[Instance], list[PhraseAnswer]]:
    """Return the instances above the score threshold, phrase by phrase, and the answer to each phrase.

    There are no instances if the best score of all phrases does not exceed the presence threshold.

    size: height and width of the image. Raises InstructSamError for scores and masks that are NaN.
    """
    scores = output.score_logits.float().sigmoid()
    kept = (scores > config.score_threshold) & (scores.max() > config.presence_threshold)
    if bool(scores.isnan().any()) or bool(output.mask_logits[kept].isnan().any()):
        raise InstructSamError(f"the scores or masks {NOT_NUMBERS}")
    instances: list[Instance] = []
    answers: list[PhraseAnswer] = []
    for row, phrase in enumerate(phrases):
        found = []
        for slot in kept[row].nonzero()[:, 0].tolist():
            mask = full_size(output.mask_logits[row, slot], size)
            if mask.any():
                found.append(Instance(mask, tight_box(mask), float(scores[row, slot]), phrase))
        found = suppress_duplicates(found, config.nms_iou_threshold)
        instances += found
        full = kept.shape[1] >= config.num_queries and bool(kept[row].all())
        status = Status.MAX_INSTANCES if full else Status.OK if found else Status.NO_TARGET
        answers.append(PhraseAnswer(phrase, status))
    return instances, answers


def suppress_duplicates(instances: Sequence[Instance], limit: float) -> list[Instance]:
    """Remove instances whose IoU with a higher-scoring one exceeds ``limit``; keep the order."""
    kept: list[Instance] = []
    for instance in sorted(instances, key=lambda i: -i.score):
        if all(_iou(instance.mask, better.mask) <= limit for better in kept):
            kept.append(instance)
    return [i for i in instances if any(i is k for k in kept)]


def full_size(mask_logits: Tensor, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Resize logits [h, w] bilinearly and threshold at 0: bool [height, width]."""
    height, width = size
    # OpenCV's resize is four times as fast as torch's on a CPU; logits are cheap to copy from a GPU.
    resized = cv2.resize(mask_logits.float().cpu().numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: NDArray[np.bool_] = resized > 0
    return mask


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(a & b)) / max(int(np.count_nonzero(a | b)), 1)
