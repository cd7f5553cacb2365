"""One answer from the answers to the parts of an instruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from instructsam_ros.models.instructsam.postprocessing import suppress_duplicates
from instructsam_ros.types import PhraseAnswer, Segmentation, Status


def join_answers(phrases: Sequence[str], answers: Sequence[Segmentation], nms_iou: float) -> Segmentation:
    """Join the answers to parts of an instruction, on one image, whose instances get the part's phrase.

    A thing that answers two parts ("the mug and the cup") is an instance of the part with the higher score:
    masks whose IoU exceeds ``nms_iou`` are one thing. Seconds are summed, but for those of encoding.
    """
    instances = suppress_duplicates(
        [
            replace(instance, phrase=phrase)
            for phrase, answer in zip(phrases, answers, strict=True)
            for instance in answer.instances
        ],
        nms_iou,
    )
    statuses = [answer.status for answer in answers]
    saturated = Status.MAX_INSTANCES in statuses
    stages = {stage: sum(a.timings.get(stage, 0.0) for a in answers) for a in answers for stage in a.timings}
    if "encode" in stages:  # once for all parts
        stages["encode"] = answers[0].timings["encode"]
    joined = Segmentation(
        tuple(instances),
        ", ".join(answer.answer for answer in answers if answer.answer),
        Status.MAX_INSTANCES if saturated else Status.OK if instances else Status.NO_TARGET,
        MappingProxyType(stages),
        tuple(PhraseAnswer(phrase, status) for phrase, status in zip(phrases, statuses, strict=True)),
    )
    return replace(joined, phrases=joined.phrase_answers())
