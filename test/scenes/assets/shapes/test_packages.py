"""Builders of assets/shapes/packages.py."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.shapes import packages
from test.scenes.assets.builders import categories, check_builder


@pytest.mark.parametrize("category", categories(packages))
def test_parts_are_valid_and_follow_from_the_seed(category: str) -> None:
    check_builder(category)


def test_glass_bottles_are_translucent_and_plastic_ones_opaque() -> None:
    rng = np.random.default_rng(0)
    assert packages.bottle(rng, "green", "glass")[0].alpha < 1
    assert packages.bottle(rng, "green", "plastic")[0].alpha is None
