"""Limits hold for calls under way together, and over runs."""

import time

import pytest

from instructsam_ros.errors import BudgetError
from instructsam_ros.training.data_engine.ledger import Ledger, interrupted, spent_before
from instructsam_ros.training.data_engine.settings import Limits, Prices, Usage


def ledger(spent=None, **limits):
    limits = Limits(**{"calls_per_minute": 1e9, **limits})
    return Ledger(limits, Prices(request=1.0, reply=10.0), spent or Usage())


def test_calls_under_way_count_at_the_most_that_they_may_cost():
    counted = ledger(money=0.003)
    first = counted.reserve(1000, 100)  # 0.002
    with pytest.raises(BudgetError, match=r"limits\.money"):
        counted.reserve(1000, 100)
    counted.settle(first, counted.usage(1, 500, 10))  # 0.0006 after all
    counted.reserve(1000, 100)
    assert counted.spent == Usage(1, 510, pytest.approx(0.0006))


@pytest.mark.parametrize("limits", [{"calls": 3}, {"tokens": 305}])
def test_what_earlier_runs_used_counts(limits):
    with pytest.raises(BudgetError, match=r"3 used|300 used"):
        ledger(Usage(3, 300, 0.0), **limits).reserve(5, 5)


def test_calls_begin_at_the_set_rate():
    counted = ledger(calls_per_minute=3000)
    start = time.monotonic()
    for _ in range(6):
        counted.reserve(1, 1)
    assert time.monotonic() - start >= 5 * 60 / 3000


def test_a_call_without_an_end_counts_as_reserved():
    usage = {"calls": 1, "tokens": 50, "money": 0.5}
    used = {"calls": 2, "tokens": 30, "money": 0.1}
    records = [
        {"key": "a", "kind": "begin", **usage},
        {"key": "a", "kind": "result", **used},
        {"key": "b", "kind": "begin", **usage},
        {"key": "b", "kind": "begin", **usage},
        {"key": "b", "kind": "failed", **used},
        {"key": "c", "kind": "begin", **usage},
    ]
    assert spent_before(records) == Usage(6, 160, pytest.approx(1.2))
    assert interrupted(records) == 1
