"""Out-of-vocabulary objects: mentioned now and then, and never a target."""

from __future__ import annotations

import re

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.scenes.instructions import Instruction, instructions, training_texts
from instructsam_ros.scenes.instructions.absent_objects import (
    OOV_OBJECTS,
    OOV_PURPOSES,
    OOV_SITUATIONS,
    is_out_of_vocabulary,
)
from instructsam_ros.scenes.instructions.noun_phrases import NO_ANCHOR
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.spatial_relations import nearest, select_related
from test.scenes.expected_answers import sample_every_kind
from test.scenes.scene_metadata import ROW

NAMES = [name for names in OOV_OBJECTS.values() for name in names]


@pytest.fixture(scope="module")
def sampled() -> list[Instruction]:
    rng = np.random.default_rng(1)
    return [i for _ in range(400) for i in instructions(ROW, rng, 12) if is_out_of_vocabulary(i.text)]


def test_no_word_of_a_name_occurs_elsewhere_in_training() -> None:
    known = set(re.findall(r"[a-z]+", " ".join(training_texts()).lower()))
    assert not known & set(re.findall(r"[a-z]+", " ".join(NAMES)))
    assert not set(OOV_OBJECTS) & set(KNOWN_CATEGORIES)
    for text in (*OOV_PURPOSES, *OOV_SITUATIONS):
        assert set(re.findall(r"[a-z]+", text.lower())) - known, text


def test_a_text_is_out_of_vocabulary_by_its_words() -> None:
    assert is_out_of_vocabulary("Where is the red VIOLIN?")
    assert is_out_of_vocabulary("the lawn has to be mown, so find what helps")
    assert not is_out_of_vocabulary("the hatched mug")


def test_many_kinds_mention_them_and_none_has_a_target(sampled: list[Instruction]) -> None:
    assert {"concept", "name", "attr", "all", "count", "rel", "near", "aff", "aff_rel"} <= {
        i.kind for i in sampled
    }
    exceptions = [i for i in sampled if i.kind == "except_one"]  # "everything except the violin" is all
    assert exceptions
    assert all(i.targets == (1, 2, 3, 4) for i in exceptions)
    others = [i for i in sampled if i.kind != "except_one"]
    assert [i.text for i in others if i.targets] == []
    assert {i.cardinality for i in others} == {"none"}


def test_an_out_of_vocabulary_anchor_does_not_change_the_phrase(sampled: list[Instruction]) -> None:
    """ "The mug left of the violin" is still about mugs."""
    mugs = [i for i in sampled if i.phrase == "mug"]
    assert mugs
    assert all(i.phrase_ids == (1, 2, 3) for i in mugs)


def test_an_absent_anchor_of_a_known_category_leaves_no_target() -> None:
    """ "The mug left of the bowl", without a bowl. "The cup" is ambiguous, as mugs may pass for cups."""
    sampled = sample_every_kind(ROW, 200, "train")
    place = r"(of|behind|to|on|as|with|between|and) the (banana|orange|pear|lemon|pan|fork|tray|purple mug)\b"
    missing = [i for i in sampled if re.search(place, i.text) and i.kind != "union"]
    beside = {"rel", "rel_count", "rel_all", "near", "beside", "beside_all", "same", "between"}
    assert {i.kind for i in missing} >= beside | {"aff_rel", "host_on"}
    assert not [i.text for i in missing if i.targets]
    # Only the anchor is absent: the head noun has referents.
    assert not [i.text for i in missing if i.kind in beside and not i.phrase_ids]
    assert not [i.text for i in sampled if re.search(r"(of|behind|to) the (drinking )?cup\b", i.text)]
    # The mention of the anchor has no referent.
    anchors = [m for i in missing for m in i.mentions if re.search(place, f"of {m.text}")]
    assert len(anchors) > len(missing) / 2
    assert all(m.ids == () for m in anchors)


def test_nothing_relates_to_no_anchor() -> None:
    facts = SceneFacts(ROW)
    nothing = dict.fromkeys(facts.objects, 0)
    assert select_related(facts, facts.everything(), "left", NO_ANCHOR) == nothing
    assert select_related(facts, facts.everything(), "beside", NO_ANCHOR) == nothing
    assert nearest(facts, facts.everything(), NO_ANCHOR) == nothing
