"""Sampled nouns and anchors have the referents that the instruction needs."""

from __future__ import annotations

import random

import pytest

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions.absent_objects import OOV_OBJECTS
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.noun_phrases import NO_ANCHOR
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.three_valued_logic import exact, members
from instructsam_ros.scenes.sampling.splits import manifest
from test.scenes.scene_metadata import ROW

ROUNDS = 300


@pytest.fixture
def sampler() -> InstructionSampler:
    return InstructionSampler(SceneFacts(ROW), random.Random(0), "train")


def test_nouns_have_referents_in_positive_instructions(sampler: InstructionSampler) -> None:
    for _ in range(ROUNDS):
        assert members(sampler.noun(sampler.category()).named)
        family = sampler.family()
        assert family is not None
        assert (family.category, members(family.named)) == ("mug", (1, 2, 3))
        colored = sampler.colored()
        assert colored is None or members(colored.named)
        assert members(sampler.purpose()[1].named)


def test_negative_purposes_have_no_referent(sampler: InstructionSampler) -> None:
    sampler.negative = True
    names = set()
    for _ in range(ROUNDS):
        name, noun = sampler.purpose()
        names.add(name)
        assert not members(noun.named)
        assert sampler.purpose_slots(name).keys() == {"purpose", "situation"}
    assert len(names) > 5


def test_absent_categories_are_absent_or_out_of_vocabulary(sampler: InstructionSampler) -> None:
    found = {sampler.absent_category() for _ in range(ROUNDS)}
    assert not found & {"mug", "knife"}
    assert found & set(OOV_OBJECTS)
    assert found & set(CATALOGUE)


def test_anchors_identify_one_object(sampler: InstructionSampler) -> None:
    anchors = {anchor.text: anchor.id for _ in range(ROUNDS) if (anchor := sampler.anchor(4))}
    assert set(anchors.values()) == {1, 2, 3}
    assert {"the red mug", "the blue mug", "the yellow mug"} <= set(anchors)
    assert "the mug" not in anchors
    assert anchors == sampler.anchors


def test_an_absent_anchor_alone_makes_an_instruction_negative(sampler: InstructionSampler) -> None:
    assert sampler.maybe_absent_anchor() is None  # of a positive instruction
    found = 0
    for _ in range(ROUNDS):
        sampler.negative = True
        anchor = sampler.maybe_absent_anchor("plate", "bowl")
        assert sampler.negative == (anchor is None)
        if anchor is not None:
            found += 1
            assert anchor.id == NO_ANCHOR
            assert anchor.text.split()[-1] in ("plate", "bowl")
    assert found > ROUNDS / 4


def test_training_allows_no_held_out_pair_and_no_orange_orange() -> None:
    facts = SceneFacts(ROW)
    training, validation = (
        InstructionSampler(facts, random.Random(0), split) for split in ("train", "heldout")
    )
    for color, category in manifest().pairs:
        assert not training.allowed(color, category)
        assert validation.allowed(color, category)
    assert not validation.allowed("orange", "orange")


def test_groups_and_objects_select_by_meaning(sampler: InstructionSampler) -> None:
    assert members(sampler.group("drinkware").named) == (1, 2, 3)
    assert members(sampler.object_noun().named) == (1, 2, 3, 4)
    noun = sampler.noun("mug", "red")
    assert (noun.phrase, members(noun.named)) == ("red mug", (1,))
    assert exact(noun.named)


def test_an_extra_category_is_absent_only_where_a_view_may_show_it(sampler: InstructionSampler) -> None:
    may_show = InstructionSampler(
        SceneFacts(ROW | {"extra_categories": ["rolling pin"]}), random.Random(0), "train"
    )
    assert "rolling pin" in may_show.absent_categories
    assert "rolling pin" not in sampler.absent_categories
    noun = may_show.noun("rolling pin", "brown")
    assert (noun.singular, noun.plural, members(noun.named)) == (
        "brown rolling pin",
        "brown rolling pins",
        (),
    )
