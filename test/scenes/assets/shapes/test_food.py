"""Builders of assets/shapes/food.py."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.shapes import food
from test.scenes.assets.builders import categories, check_builder


@pytest.mark.parametrize("category", categories(food))
def test_parts_are_valid_and_follow_from_the_seed(category: str) -> None:
    check_builder(category)
