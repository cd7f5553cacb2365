"""Outcomes as JSON, and their report."""

import json

from instructsam_ros.training.data_engine.outcomes import Dropped, Outcome, report


def test_outcomes_come_back_from_json():
    outcome = Outcome("a", "parked", ({"x": 1},), (Dropped("t", "filter", "tiny mask", "3 px"),), "why")
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_the_report_counts_reasons_and_lists_what_is_left():
    dropped = (Dropped("t", "filter", "tiny mask"), Dropped("u", "filter", "tiny mask"))
    made = report([Outcome("a", dropped=dropped, records=({},)), Outcome("b", "failed", problem="gone")])
    assert made["records"] == 1
    assert made["reasons"] == {"filter: tiny mask": 2}
    assert [each["item"] for each in made["dropped"]] == ["a", "a"]
    assert made["left"] == [{"item": "b", "state": "failed", "problem": "gone"}]
