"""Relations and orders: opposites, ambiguous cases, and clear cuts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.spatial_relations import (
    Relation,
    extreme,
    nearest,
    nth,
    ranked,
    related,
    select_related,
)
from instructsam_ros.scenes.instructions.three_valued_logic import exact, members
from test.scenes.scene_metadata import CLOSE, ROW, TABLE, entry, meta

places = st.lists(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3)), min_size=2, max_size=5)


def scene(found: list[tuple[float, float]]) -> SceneFacts:
    return SceneFacts(meta(*(entry(k + 1, "red", "mug", x, y) for k, (x, y) in enumerate(found))))


@given(places)
@pytest.mark.parametrize(("relation", "opposite"), [("left", "right"), ("front", "behind")])
def test_opposite_relations_exclude_each_other(relation: Relation, opposite: Relation, found) -> None:
    facts = scene(found)
    for item in facts.objects.values():
        for anchor in facts.objects.values():
            here, there = related(item, relation, anchor), related(item, opposite, anchor)
            assert not (here == there == 1)
            if here == 1:
                assert related(anchor, relation, item) != 1


@given(places)
def test_next_to_is_symmetric(found) -> None:
    facts = scene(found)
    first, second = facts.objects[1], facts.objects[2]
    assert related(first, "beside", second) == related(second, "beside", first)


def test_an_object_on_a_dish_is_on_it_and_on_no_side_of_it() -> None:
    objects = SceneFacts(TABLE).objects
    apple, plate, other = objects[3], objects[1], objects[2]
    assert (related(apple, "on", plate), related(apple, "on", other)) == (1, 0)
    assert related(apple, "in", plate) is None
    assert related(apple, "left", plate) is related(apple, "beside", plate) is None


def test_members_of_a_relation() -> None:
    facts = SceneFacts(CLOSE)
    assert members(select_related(facts, facts.everything(), "beside", 1)) == (2, 3)
    assert members(select_related(facts, facts.everything(), "left", 1)) == (2, 5)


@given(places, st.sampled_from(["size", "height", "column", "distance"]), st.booleans(), st.integers(1, 3))
def test_a_clear_extreme_is_the_start_of_the_order(found, key, descending: bool, count: int) -> None:
    facts = scene(found)
    everything = facts.everything()
    order = ranked(facts, everything, key, descending=descending)
    assert sorted(order) == list(everything)
    answer = extreme(facts, everything, key, descending=descending, count=count)
    if exact(answer):
        assert set(members(answer)) == set(order[:count])
        assert len(order) > count


def test_ordinals_count_from_either_side() -> None:
    facts = SceneFacts(ROW)
    assert members(nth(facts, facts.everything(), 1, from_right=False)) == (1,)
    assert members(nth(facts, facts.everything(), 1, from_right=True)) == (4,)
    assert members(nth(facts, facts.everything(), 2, from_right=True)) == (3,)


def test_the_nearest_must_be_clearly_nearer() -> None:
    clear = scene([(0, 0), (0.1, 0), (0.3, 0)])
    assert members(nearest(clear, clear.everything(), 1)) == (2,)
    tie = scene([(0, 0), (0.2, 0), (-0.2, 0)])
    assert not exact(nearest(tie, tie.everything(), 1))
