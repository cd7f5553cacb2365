"""Choice of the one instance that a robot is to handle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instructsam_ros.lifting import LiftedInstance

CHOICES = ("best", "nearest")


def choose_target(
    instances: Sequence[LiftedInstance], choice: str, wanted_id: int = 0
) -> LiftedInstance | None:
    """Return the instance with the id, or where that is 0 the one that ``choice`` means; None if it is not
    there.

    best: of the highest score. nearest: whose centroid is nearest to the camera; those without points come
    last. Of equals it is the first.
    """
    if wanted_id:
        return next((each for each in instances if each.id == wanted_id), None)
    if choice == "nearest":
        return min(instances, key=_distance, default=None)
    return max(instances, key=lambda each: each.instance.score, default=None)


def _distance(lifted: LiftedInstance) -> float:
    distance = float(np.linalg.norm(lifted.centroid))
    return distance if np.isfinite(distance) else np.inf
