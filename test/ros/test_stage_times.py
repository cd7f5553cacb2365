"""Percentiles of recent answers."""

import pytest

from instructsam_ros.ros.stage_times import RECENT, StageTimes


def test_percentiles_are_of_the_last_answers_in_the_order_of_the_stages():
    times = StageTimes()
    times.add({"decode": 100.0, "lift": 100.0})
    for number in range(RECENT):
        times.add({"decode": float(number), "lift": 1.0})
    assert list(times.percentiles()) == ["decode", "lift"]
    median, late = times.percentiles()["decode"]
    assert median == pytest.approx((RECENT - 1) / 2)
    assert late == pytest.approx(0.95 * (RECENT - 1))
    assert times.percentiles()["lift"] == (1.0, 1.0)
    assert StageTimes().percentiles() == {}
