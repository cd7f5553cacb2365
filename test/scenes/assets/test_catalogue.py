"""Every row of the catalogue can be built, coloured and named."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.catalogue import COLORLESS, KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.parts import FINISHES, PALETTE
from instructsam_ros.scenes.assets.shapes import BUILDERS


def test_every_category_has_a_builder_and_the_reverse() -> None:
    assert set(KNOWN_CATEGORIES) == set(BUILDERS)


@pytest.mark.parametrize("name", KNOWN_CATEGORIES)
def test_colors_and_materials_are_known(name: str) -> None:
    category = KNOWN_CATEGORIES[name]
    assert set(category.colors) <= {*PALETTE, *COLORLESS}
    assert set(category.materials) <= set(FINISHES)
    assert category.weight > 0


def test_no_name_belongs_to_two_categories() -> None:
    names = [name for category in KNOWN_CATEGORIES.values() for pair in category.names for name in pair]
    assert len(names) == len(set(names))
    mug = KNOWN_CATEGORIES["mug"]
    assert (mug.name, mug.plural) == ("mug", "mugs")
