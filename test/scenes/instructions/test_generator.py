"""Generated instructions: mixture, limits and ambiguous objects."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.scenes.instructions.templates import paraphrases
from test.scenes.expected_answers import AFFORDANCES, ATTRIBUTES, SCENES, SPATIAL, sampled_from
from test.scenes.scene_metadata import DEPTH, ROW, TABLE, entry, meta

pytestmark = pytest.mark.xdist_group("sampled_from")  # whose sample they share


def test_mixture_of_levels_forms_and_cardinalities() -> None:
    rng = np.random.default_rng(0)
    sampled = [i for scene in (ROW, TABLE, DEPTH) for _ in range(60) for i in instructions(scene, rng, 12)]
    without = [i for i in sampled if not i.targets]
    assert 0.17 < len(without) / len(sampled) < 0.3
    reasoning = [i for i in sampled if i.level == "complex"]
    assert sum(bool(i.targets) for i in reasoning) > len(reasoning) / 2
    assert {i.cardinality for i in sampled} == {"one", "many", "all", "none"}
    forms = Counter(i.form for i in sampled)
    assert min(forms[form] for form in ("declarative", "question", "phrase")) > len(sampled) / 10
    assert len({i.text for i in sampled}) > len(sampled) / 2


def test_the_same_seed_gives_the_same_instructions() -> None:
    def texts() -> list[str]:
        return [i.text for i in instructions(ROW, np.random.default_rng(5), 8)]

    assert texts() == texts()


def test_mentions_follow_from_the_text_alone() -> None:
    """They do not depend on earlier instructions about the scene."""
    mentions: dict[str, set[tuple[str, ...]]] = {}
    for seed in range(150):
        for sampled in instructions(ROW, np.random.default_rng(seed), 12):
            mentions.setdefault(sampled.text, set()).add(tuple(m.text for m in sampled.mentions))
    assert [text for text, found in mentions.items() if len(found) > 1] == []


def test_an_object_far_from_the_line_is_not_between() -> None:
    """One knife on the line from mug to bowl; another as far from the line as these are apart."""
    mug, bowl = entry(1, "red", "mug", -0.25, 0.1), entry(2, "blue", "bowl", 0.25, 0.1)
    inside, aside = entry(3, "black", "knife", 0.0, 0.1), entry(3, "black", "knife", 0.0, -0.25)
    for knife, expected in ((inside, {(3,)}), (aside, set())):
        scene = meta(mug, bowl, knife)
        rng = np.random.default_rng(0)
        sampled = [i for _ in range(300) for i in instructions(scene, rng, 12) if i.kind == "between"]
        answers = {i.targets for i in sampled if i.targets}
        assert answers == expected


def test_politeness_suits_the_sentence() -> None:
    rng = np.random.default_rng(0)
    sampled = [i.text for scene in (ROW, TABLE) for _ in range(300) for i in instructions(scene, rng, 12)]
    clumsy = r"^(please|kindly|just) (I|you|your|we|it|what|next)\b|\bme\b.* for me\b|\ball two\b|\ba umb"
    assert any(re.match("please [a-z]+ ", text, re.IGNORECASE) for text in sampled)
    assert [text for text in sampled if re.search(clumsy, text, re.IGNORECASE)] == []


def test_no_instruction_refers_to_barely_visible_objects() -> None:
    hidden = [entry(k, "red", "mug", 0.1 * k, 0, visible=0.2) for k in range(1, 5)]
    assert instructions(meta(*hidden), np.random.default_rng(0), 8) == []


def test_an_ambiguous_object_makes_no_instruction_depend_on_it() -> None:
    crowd = [
        entry(1, "red", "mug", -0.3, 0),
        entry(2, "blue", "bowl", 0, 0),
        entry(3, "black", "knife", 0.3, 0),
    ]
    barely = entry(4, "red", "mug", 0.2, 0.2, visible=0.2)
    rng = np.random.default_rng(0)
    sampled = [i for _ in range(60) for i in instructions(meta(*crowd, barely), rng, 8)]
    assert sampled
    naming = {"concept", "name", "all", "attr", "count", "sup_size", "sup_side"}
    assert not [i.text for i in sampled if i.kind in naming and i.phrase in ("mug", "red mug")]


def test_at_most_ten_targets() -> None:
    many = meta(*(entry(k, "white", "egg", 0.06 * (k - 6), 0) for k in range(1, 13)))
    rng = np.random.default_rng(0)
    assert max(len(i.targets) for _ in range(40) for i in instructions(many, rng, 8)) <= 10


def test_every_kind_has_targets_worked_out_by_hand() -> None:
    kinds = {construct.rsplit(".", 1)[0] for construct in paraphrases().constructs}
    by_hand = {kind for _, kind, _, _ in (*ATTRIBUTES, *SPATIAL, *AFFORDANCES)}
    assert kinds == by_hand | {"middle"}  # of photographs alone, see test_pictures.py


def test_the_same_text_always_has_the_same_targets() -> None:
    for scene in SCENES:
        answers: dict[str, set[tuple[int, ...]]] = {}
        for sampled in sampled_from(scene):
            answers.setdefault(sampled.text.lower(), set()).add(sampled.targets)
        assert not [text for text, found in answers.items() if len(found) > 1]


@pytest.mark.parametrize("scene", SCENES)
def test_the_phrase_refers_to_the_targets_and_follows_from_the_text(scene: str) -> None:
    by_text: dict[str, set[str]] = {}
    for sampled in sampled_from(scene):
        assert set(sampled.targets) <= set(sampled.phrase_ids)
        by_text.setdefault(sampled.text.lower(), set()).add(sampled.phrase)
    assert all(len(phrases) == 1 for phrases in by_text.values())


def test_the_phrase_is_the_same_with_and_without_referents() -> None:
    present = {
        i.phrase for i in sampled_from("row") if re.search(r"^(coffee )?mugs?\b", i.text, re.IGNORECASE)
    }
    absent = {
        i.phrase for i in sampled_from("depth") if re.search(r"^(coffee )?mugs?\b", i.text, re.IGNORECASE)
    }
    assert present == absent == {"mug"}
