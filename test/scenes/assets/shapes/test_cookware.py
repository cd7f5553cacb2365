"""Builders of assets/shapes/cookware.py."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.shapes import cookware
from test.scenes.assets.builders import categories, check_builder


@pytest.mark.parametrize("category", categories(cookware))
def test_parts_are_valid_and_follow_from_the_seed(category: str) -> None:
    check_builder(category)
