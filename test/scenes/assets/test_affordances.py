"""Affordances name known categories, and each answer is one of true, false and ambiguous."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import CATALOGUE


@pytest.mark.parametrize("name", AFFORDANCES)
def test_sure_and_ambiguous_categories_exist_and_are_disjoint(name: str) -> None:
    entry = AFFORDANCES[name]
    assert entry.sure
    assert set(entry.sure) | set(entry.ambiguous) <= set(CATALOGUE)
    assert not set(entry.sure) & set(entry.ambiguous)
