"""Logical forms of the generator are well-formed."""

from __future__ import annotations

import random

import pytest

from instructsam_ros.scenes.instructions.generator import KINDS
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.templates import paraphrases
from test.scenes.scene_metadata import ROW, TABLE

KIND_LEVELS = [(kind, level) for level, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize(("kind", "level"), KIND_LEVELS, ids=[kind.__name__ for kind, _ in KIND_LEVELS])
def test_logical_forms_of_a_kind_fit_their_scene_level_and_constructs(kind, level: str) -> None:
    constructs = {key.rsplit(".", 1)[0] for key in paraphrases().constructs}
    found: list[LogicalForm] = []
    for scene in (ROW, TABLE):
        facts = SceneFacts(scene)
        sampler = InstructionSampler(facts, random.Random(0), "train")
        for negative in (False, True) * 20:
            sampler.negative = negative
            form = kind(sampler)
            if form is not None:
                found.append(form)
                assert form.answer.keys() == form.head.named.keys() == facts.objects.keys()
                assert all(referents.keys() == facts.objects.keys() for referents in form.others.values())
    assert found
    assert {form.level for form in found} == {level}
    assert {form.construct for form in found} <= constructs
