"""Instructions about spatial relations, sizes and positions."""

from __future__ import annotations

import pytest

from test.scenes.expected_answers import SPATIAL, check

pytestmark = pytest.mark.xdist_group("sampled_from")  # whose sample they share


@pytest.mark.parametrize(("scene", "kind", "pattern", "expected"), SPATIAL)
def test_targets_equal_those_worked_out_by_hand(
    scene: str, kind: str, pattern: str, expected: set[int]
) -> None:
    check(scene, kind, pattern, expected)
