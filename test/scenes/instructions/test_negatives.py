"""An instruction and its absent-anchor negative."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.scenes.instructions import Instruction, absent_anchor_negative, instructions
from instructsam_ros.scenes.instructions.negatives import ANCHORED_KINDS
from test.scenes.expected_answers import sample_every_kind
from test.scenes.scene_metadata import CLOSE, ROW, TABLE


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Instruction, Instruction | None]]:
    rng = np.random.default_rng(4)
    sampled = [(view, i) for view in (ROW, TABLE, CLOSE) for i in sample_every_kind(view, 80)]
    return [(item, absent_anchor_negative(item, view, rng)) for view, item in sampled]


def test_every_kind_with_an_anchor_has_negatives(pairs) -> None:
    assert {item.kind for item, twin in pairs if twin} == ANCHORED_KINDS


def test_instructions_without_an_anchor_or_a_target_have_no_negative(pairs) -> None:
    assert not [twin.text for item, twin in pairs if twin and not item.targets]
    assert any(not item.targets for item, _ in pairs)
    assert not [twin.text for item, twin in pairs if twin and item.kind not in ANCHORED_KINDS]


def test_only_the_anchor_differs(pairs) -> None:
    for item, twin in pairs:
        if twin is None:
            continue
        (old,) = {m for m in item.mentions if m not in twin.mentions}
        (new,) = {m for m in twin.mentions if m not in item.mentions}
        assert (old.is_anchor, new.is_anchor, new.ids) == (True, True, ())
        assert old.ids
        sampled, again = item.text.lower(), twin.text.lower()
        assert re.sub(rf"\b{re.escape(old.text.lower())}\b", new.text.lower(), sampled) == again != sampled
        assert twin.text[0].isupper() == item.text[0].isupper()
        assert (twin.targets, twin.cardinality) == ((), "none")
        assert (twin.phrase, twin.phrase_ids, twin.kind) == (item.phrase, item.phrase_ids, item.kind)


@pytest.mark.parametrize("view", [ROW, TABLE])
def test_the_anchor_is_absent_from_the_scene(view) -> None:
    rng = np.random.default_rng(5)
    sampled = [i for _ in range(100) for i in instructions(view, rng, 12)]
    twins = [twin for item in sampled if (twin := absent_anchor_negative(item, view, rng))]
    names = {m.text for twin in twins for m in twin.mentions if not m.ids}
    assert len(names) > 20
    assert not names & {f"the {entry['category']}" for entry in view["objects"]}


def test_objects_on_a_dish_get_an_absent_dish(pairs) -> None:
    dishes = [twin for item, twin in pairs if twin and item.kind == "host_on"]
    places = {m.text for twin in dishes for m in twin.mentions if not m.ids}
    assert places
    assert all(re.search("plate|bowl|pan|skillet|board|tray", place) for place in places), places


def test_an_anchor_whose_name_has_another_sense_is_kept(pairs) -> None:
    """ "The orange mug left of the orange" would become "the bowl mug left of the bowl"."""
    item = next(item for item, twin in pairs if twin and item.kind == "rel")
    place = next(m.text for m in item.mentions if m.is_anchor)
    twice = replace(item, text=f"{item.text} {place} mug")
    assert absent_anchor_negative(item, ROW, np.random.default_rng(0)) is not None
    assert absent_anchor_negative(twice, ROW, np.random.default_rng(0)) is None


def test_a_head_noun_is_not_an_anchor(pairs) -> None:
    heads = [m for item, _ in pairs if item.kind in ("concept", "all", "aff") for m in item.mentions]
    assert heads
    assert not any(m.is_anchor for m in heads)
