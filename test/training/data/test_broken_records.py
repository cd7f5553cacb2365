import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import ALWAYS_ALLOWED, BrokenRecords
from instructsam_ros.training.data.sample import Sample

SAMPLE = Sample("a.png", lambda: np.zeros((1, 1, 3), np.uint8), "the mug", ())


def test_a_few_are_named_counted_and_allowed(caplog):
    broken = BrokenRecords()
    assert len(list(broken.count([SAMPLE] * 3))) == 3
    for number in range(ALWAYS_ALLOWED):
        broken.add("set.json", f"[{number}]", "no mask")
    assert "set.json: [0]: no mask" in caplog.text
    assert broken.summary().splitlines()[0] == f"{ALWAYS_ALLOWED} broken besides 3 usable:"


def test_too_many_stop_the_run_and_a_large_set_may_have_more():
    few, many = BrokenRecords(), BrokenRecords()
    list(many.count([SAMPLE] * 1000))
    for broken in (few, many):
        for number in range(ALWAYS_ALLOWED):
            broken.add("set.json", number, "no mask")
    many.add("set.json", "one more", "no mask")
    with pytest.raises(InvalidInputError, match="too many broken records, 11 broken besides 0 usable"):
        few.add("set.json", "one more", "no mask")


def test_an_inspection_goes_through_all_and_shows_some():
    broken = BrokenRecords(max_share=1.0, shown=2)
    for number in range(50):
        broken.add("set.json", number, "no mask")
    assert broken.summary().splitlines()[-1] == "  and 48 more"
