"""Facts and predicates: lookalikes, groups, colours, materials, visibility."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions.scene_facts import (
    AMBIGUOUS_MEMBERS,
    LOOKALIKES,
    SceneFacts,
    has_color,
    in_group,
    is_category,
    made_of,
)
from test.scenes.scene_metadata import entry, meta


def only(color: str, category: str, **changes: object):
    return SceneFacts(meta(entry(1, color, category, 0, 0, **changes))).objects[1]


def test_lookalikes_and_ambiguous_members_are_categories() -> None:
    for table in (LOOKALIKES, AMBIGUOUS_MEMBERS):
        assert {name for names in table.values() for name in names} <= set(CATALOGUE)
    assert set(LOOKALIKES) <= set(CATALOGUE)


@pytest.mark.parametrize(("category", "truth"), [("mug", 1), ("cup", None), ("bowl", 0)])
def test_a_mug_may_pass_for_a_cup(category: str, truth: int | None) -> None:
    assert is_category(category)(only("red", "mug")) == truth


def test_groups_have_ambiguous_members() -> None:
    assert in_group("fruit")(only("red", "apple")) == 1
    assert in_group("fruit")(only("red", "tomato")) is None
    assert in_group("fruit")(only("red", "mug")) == 0
    assert in_group("cutlery")(only("brown", "spoon", material="wood")) is None


def test_bare_metal_and_glass_have_no_color() -> None:
    assert has_color("gray")(only("silver", "spoon")) is None
    assert has_color("red")(only("silver", "spoon", rgb_median=[150, 150, 150])) == 0


def test_materials_are_those_that_show() -> None:
    assert made_of("metal")(only("silver", "spoon")) == 1
    assert made_of("metal")(only("black", "pan")) is None
    assert made_of("glass")(only("clear", "wine glass")) == 1
    assert made_of("wood")(only("red", "mug")) == 0


@pytest.mark.parametrize(
    ("changes", "seen"),
    [({}, 1), ({"pixels": 3}, 0), ({"pixels": 100}, None), ({"visible": 0.3}, None)],
)
def test_barely_visible_objects_are_ambiguous(changes: dict[str, float], seen: int | None) -> None:
    facts = SceneFacts(meta(entry(1, "red", "mug", 0, 0, **changes)))
    assert facts.everything() == facts.where(is_category("mug")) == {1: seen}
    assert bool(facts.well_seen()) == (seen == 1)


def test_right_and_ahead_follow_the_viewer() -> None:
    facts = SceneFacts(meta(entry(1, "red", "mug", 0.2, 0), entry(2, "red", "mug", 0, 0.3)))
    first, second = facts.objects[1], facts.objects[2]
    assert first.right - second.right == pytest.approx(0.2)
    assert second.ahead - first.ahead == pytest.approx(0.3)
