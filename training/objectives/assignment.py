"""One-to-one assignment of queries to instances, by scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from instructsam_ros.errors import DivergedError


def assign(cost: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the cheapest assignment: query indices, ascending, and instance indices, both [min(Q, N)].

    cost: [Q, N]. Raises DivergedError where it is not finite.
    """
    if not cost.isfinite().all():
        raise DivergedError("the predictions of the model are not finite")
    queries, instances = linear_sum_assignment(cost.detach().float().cpu().numpy())
    return queries, instances
