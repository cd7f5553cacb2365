"""Builders of assets/shapes/utensils.py."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.shapes import utensils
from test.scenes.assets.builders import categories, check_builder


@pytest.mark.parametrize("category", categories(utensils))
def test_parts_are_valid_and_follow_from_the_seed(category: str) -> None:
    check_builder(category)
