"""From the output of SAM 3 to instances in the image, as Meta's code reads it."""

from __future__ import annotations

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.common.device import NOT_NUMBERS
from instructsam_ros.models.instructsam.postprocessing import full_size
from instructsam_ros.models.sam3.modeling import Sam3Output
from instructsam_ros.types import Instance, tight_box

SCORE_THRESHOLD = 0.5
"""That of Meta's code; transformers' own default is 0.3."""


def read_instances(
    output: Sam3Output, phrase: str, size: tuple[int, int], threshold: float
) -> tuple[list[Instance], bool]:
    """Return the instances of one phrase whose score exceeds the threshold, best first, and whether every
    query holds one, so that further ones may be missing.

    size: height and width of the image. Mask logits are resized, then compared with 0; there is no
    non-maximum suppression. Raises InstructSamError for scores and masks that are NaN.
    """
    scores = output.scores[0]
    kept = scores > threshold
    if bool(scores.isnan().any()) or bool(output.mask_logits[0][kept].isnan().any()):
        raise InstructSamError(f"the scores or masks {NOT_NUMBERS}")
    instances = []
    for slot in sorted(kept.nonzero()[:, 0].tolist(), key=lambda slot: -float(scores[slot])):
        mask = full_size(output.mask_logits[0, slot], size)
        if mask.any():
            instances.append(Instance(mask, tight_box(mask), float(scores[slot]), phrase))
    return instances, bool(kept.all())
