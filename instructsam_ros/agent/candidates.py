"""Masks that a phrase found, as the chat model gets to see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instructsam_ros.types import Instance

MAX_CANDIDATES = 100
SAME_OVERLAP = 0.3
"""Of the smaller mask: beyond it, only the mask with the higher score is kept."""


def without_overlap(instances: Sequence[Instance], limit: float = SAME_OVERLAP) -> list[Instance]:
    """Return the instances by falling score, without those whose mask overlaps a better one.

    limit: largest intersection with a better mask, as a part of the smaller of both.
    """
    kept: list[tuple[Instance, int]] = []
    for instance in sorted(instances, key=lambda i: -i.score):
        area = int(np.count_nonzero(instance.mask))
        if all(
            np.count_nonzero(instance.mask & better.mask) <= limit * min(area, other)
            for better, other in kept
        ):
            kept.append((instance, area))
    return [instance for instance, _ in kept]
