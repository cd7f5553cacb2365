from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import DivergedError
from instructsam_ros.training.objectives.assignment import assign


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_no_other_assignment_is_cheaper(instances, more, seed):
    cost = torch.tensor(np.random.default_rng(seed).normal(size=(instances + more, instances)))
    queries, assigned = assign(cost)
    assert sorted(assigned.tolist()) == list(range(instances))
    assert queries.tolist() == sorted(set(queries.tolist()))
    total = float(cost[queries, assigned].sum())
    columns = torch.arange(instances)
    best = min(float(cost[list(rows), columns].sum()) for rows in permutations(range(len(cost)), instances))
    assert total == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_costs_that_are_not_finite_are_an_error(value):
    with pytest.raises(DivergedError, match="not finite"):
        assign(torch.tensor([[0.0, value]]))
