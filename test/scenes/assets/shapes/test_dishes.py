"""Builders of assets/shapes/dishes.py."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.shapes import dishes
from test.scenes.assets.builders import categories, check_builder


@pytest.mark.parametrize("category", categories(dishes))
def test_parts_are_valid_and_follow_from_the_seed(category: str) -> None:
    check_builder(category)


def test_glasses_are_transparent_and_mugs_have_a_handle() -> None:
    rng = np.random.default_rng(0)
    for builder in (dishes.glass, dishes.wine_glass):
        (part,) = builder(rng, "clear", "glass")
        assert part.finish == "glass"
    body, grip = dishes.mug(rng, "red", "ceramic")
    assert grip.mesh.vertices[:, 0].max() > body.mesh.vertices[:, 0].max()
