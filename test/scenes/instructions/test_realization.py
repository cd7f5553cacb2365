"""Realization: number agreement, slots, articles."""

from __future__ import annotations

import random
import re

import pytest

from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.kinds_attributes import attribute, name
from instructsam_ros.scenes.instructions.realization import realize
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from test.scenes.scene_metadata import ROW, entry, meta


@pytest.fixture
def sampler() -> InstructionSampler:
    return InstructionSampler(SceneFacts(ROW), random.Random(0), "train")


def test_one_target_has_the_singular_and_several_the_plural(sampler: InstructionSampler) -> None:
    for _ in range(300):
        form = attribute(sampler)
        assert form is not None
        for targets in (1, 2):
            sentence = realize(sampler, form, targets)
            assert sentence is not None
            if ".many" in sentence.template or "every" in sentence.template:
                assert targets == 2, sentence.text
            if ".one." in sentence.template:
                assert targets == 1, sentence.text


def test_all_slots_are_filled_and_the_form_fits_the_text(sampler: InstructionSampler) -> None:
    for _ in range(300):
        sentence = realize(sampler, name(sampler), 1)
        assert sentence is not None
        assert not re.search(r"[{}]|  ", sentence.text)
        assert (sentence.form == "question") == sentence.text.endswith("?")
        assert sentence.text.strip() == sentence.text


def test_articles_suit_the_next_sound() -> None:
    scene = meta(
        *(entry(k, "orange", "bell pepper", 0.1 * k, 0) for k in (1, 2)), entry(3, "red", "mug", 0, 0.2)
    )
    sampler = InstructionSampler(SceneFacts(scene), random.Random(0), "train")
    texts = [realize(sampler, form, 1).text for _ in range(600) if (form := attribute(sampler))]
    assert any(re.search(r"\ban orange", text, re.IGNORECASE) for text in texts)
    assert any(re.search(r"\ba red", text, re.IGNORECASE) for text in texts)
    assert not [text for text in texts if re.search(r"\b(a orange|an red)", text, re.IGNORECASE)]
