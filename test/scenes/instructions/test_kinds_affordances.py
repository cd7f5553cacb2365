"""Instructions about purposes, contents and comparisons."""

from __future__ import annotations

import re

import pytest

from test.scenes.expected_answers import AFFORDANCES, check, sampled_from

pytestmark = pytest.mark.xdist_group("sampled_from")  # whose sample they share


@pytest.mark.parametrize(("scene", "kind", "pattern", "expected"), AFFORDANCES)
def test_targets_equal_those_worked_out_by_hand(
    scene: str, kind: str, pattern: str, expected: set[int]
) -> None:
    check(scene, kind, pattern, expected)


def test_absent_contents_are_absent_referents() -> None:
    sampled = [i for i in sampled_from("table") if i.kind == "host_with" and i.phrase == "plate"]
    absent = {i.has_absent_referent for i in sampled if re.search(r"\b(lemon|banana|carrot)\b", i.text)}
    assert absent == {True}
    assert {i.has_absent_referent for i in sampled if re.search(r"\b(apple|spoon)\b", i.text)} == {False}
