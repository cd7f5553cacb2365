"""Counts and how fast they grow."""

import pytest

from instructsam_ros.ros.counters import Counters, Rates


def test_rates_are_over_the_last_seconds_only():
    counters, rates = Counters(), Rates({"received": "images_per_second"}, 10.0)
    assert rates.update(counters.snapshot(), 0.0) == {"images_per_second": 0.0}
    for second in range(1, 31):
        counters.add("received", 30 if second <= 15 else 5)
        (rate,) = rates.update(counters.snapshot(), float(second)).values()
        if second <= 15:
            assert rate == pytest.approx(30)
    assert rate == pytest.approx(5)
