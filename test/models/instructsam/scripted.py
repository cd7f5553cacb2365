"""A prompt about one image for the tiny model, and generations with given tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.models.instructsam.modeling import InstructSam

START, END, EOS = 508, 509, 511
PREFIX = [510, 11, 12, 502, *[500] * 6, 503]
QUESTION = [40, 41, 42, 511, 12, 510, 13, 12]


def forced(model: InstructSam, features: ImageFeatures, ids: Sequence[int], **kwargs: object) -> Generation:
    """Generate ``ids``, whatever the logits are."""
    with torch.inference_mode():
        return model.generate(
            features,
            [*PREFIX, *QUESTION],
            choose=lambda step, _logits: ids[step],
            **kwargs,  # type: ignore[arg-type]
        )
