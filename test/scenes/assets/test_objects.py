"""Objects of all categories: placed on the table, with colours that their materials have."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import CATALOGUE, KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.objects import make_object


@pytest.mark.parametrize("category", KNOWN_CATEGORIES)
def test_an_object_is_centred_on_the_table_and_fills_its_box(category: str) -> None:
    rng = np.random.default_rng(0)
    item = make_object(rng, category, KNOWN_CATEGORIES[category].colors[0])
    vertices = np.vstack([part.mesh.vertices for part in item.parts])
    np.testing.assert_allclose(vertices.min(0), (*(-item.extent[:2] / 2), 0), atol=1e-9)
    np.testing.assert_allclose(vertices.max(0), (*(item.extent[:2] / 2), item.extent[2]), atol=1e-9)
    assert (item.extent < 0.5).all()
    np.testing.assert_allclose(item.centre, (0, 0, item.extent[2] / 2))


def test_materials_imply_colors() -> None:
    rng = np.random.default_rng(0)
    spoons = [make_object(rng, "spoon", "red") for _ in range(20)]
    assert {(item.color, item.material) for item in spoons} == {("silver", "metal"), ("brown", "wood")}
    mugs = [make_object(rng, "mug", "red") for _ in range(20)]
    assert {(item.color, item.material) for item in mugs} == {("silver", "metal"), ("red", "ceramic")}
    assert "drink" in mugs[0].affordances
    assert mugs[0].groups == list(CATALOGUE["mug"].groups)
