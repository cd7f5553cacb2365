"""Instructions about objects of a lab's own meshes: names, absence, colours, purposes, heaps, distractors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.scenes.instructions.absent_objects import OOV_OBJECTS, SEEN_IN_ROOMS
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.lexicon import Lexicon
from instructsam_ros.scenes.instructions.scene_facts import (
    SceneFacts,
    affording,
    has_color,
    in_group,
    is_category,
    made_of,
)
from instructsam_ros.scenes.instructions.spatial_relations import related
from test.scenes.scene_metadata import entry, meta


def noun(plural: str, **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "names": [[plural[:-1], plural]], "also": [], "lookalikes": [], "groups": [], "affordances": [],
        "perhaps": [], "colors": ["blue"],
    }  # fmt: skip
    return known | changes


LEXICON = {
    "nouns": {
        "power drill": noun(
            "power drills",
            names=[["power drill", "power drills"], ["drill", "drills"], ["corkscrew", "corkscrews"]],
            affordances=["bore"],
            colors=["orange"],
        ),
        "mustard bottle": noun(
            "mustard bottles", also=["bottle"], perhaps=["edible", "food"], colors=["yellow"]
        ),
        "padlock": noun("padlocks", lookalikes=["can"]),
    },
    "purposes": {
        "bore": {
            "phrase": "hole maker",
            "purposes": ["drill a hole with"],
            "situations": ["The wall needs a hole."],
        }
    },
}


def own(number: int, color: str, category: str, x: float, y: float, **changes: Any) -> dict[str, Any]:
    """An object of the lexicon at (x, y) on the table."""
    item = entry(number, color, "sponge", x, y)
    return item | {"category": category, "groups": [], "material": "plastic", "asset": "a.glb"} | changes


def view(*more: dict[str, Any], **changes: Any) -> dict[str, Any]:
    objects = [
        own(1, "orange", "power drill", -0.3, 0.0),
        own(2, "yellow", "mustard bottle", 0.0, 0.0),
        entry(3, "green", "bottle", 0.3, 0.0),
        entry(4, "red", "apple", 0.15, 0.25),
        *more,
    ]
    return meta(*objects) | {"lexicon": LEXICON, "layout": "table"} | changes


def truth(predicate: Any, described: dict[str, Any] | None = None) -> list[int | None]:
    facts = SceneFacts(described or view())
    return [predicate(item) for item in facts.objects.values()]


def test_general_nouns_name_special_objects_and_special_nouns_may_name_general_ones() -> None:
    assert truth(is_category("power drill")) == [1, 0, 0, 0]
    assert truth(is_category("bottle")) == [0, 1, 1, 0]
    assert truth(is_category("mustard bottle")) == [0, 1, None, 0]
    assert truth(is_category("padlock"), view(entry(5, "red", "can", 0, 0.4)))[4] is None


def test_purposes_groups_colours_and_materials_follow_the_catalogue() -> None:
    assert truth(affording("bore")) == [1, 0, 0, 0]
    assert truth(affording("edible")) == [0, None, None, 1]
    assert truth(in_group("food")) == [0, None, None, 1]
    many = view(own(5, "mixed", "padlock", 0, 0.4), own(6, "blue", "padlock", 0, -0.3, other_colors=["red"]))
    assert truth(has_color("red"), many)[4:] == [None, None]
    assert truth(made_of("metal"), view(own(5, "blue", "padlock", 0, 0.4, material="mixed")))[4] is None


def test_a_loose_object_is_neither_surely_on_another_nor_surely_not() -> None:
    facts = SceneFacts(view(entry(5, "white", "plate", 0.0, 0.02, loose=True)))
    assert related(facts.objects[4], "on", facts.objects[5]) is None
    assert related(facts.objects[4], "on", facts.objects[3]) == 0


def texts(described: dict[str, Any], seed: int = 0) -> list[Any]:
    return instructions(described, np.random.default_rng(seed), 400, split="train")


def test_names_and_purposes_occur_with_the_right_targets() -> None:
    found = texts(view())
    named = [item for item in found if item.kind == "name" and item.phrase == "power drill"]
    assert named
    assert {item.targets for item in named} == {(1,)}
    assert any("drill" in item.text and "power" not in item.text.lower() for item in named)
    bored = [item for item in found if item.kind == "aff" and item.phrase == "hole maker"]
    assert bored
    assert {item.targets for item in bored} == {(1,)}
    bottles = [item for item in found if item.kind in ("concept", "all") and item.phrase == "bottle"]
    assert bottles
    assert {item.targets for item in bottles} == {(2, 3)}


def test_absent_nouns_are_those_that_no_object_has_under_any_name() -> None:
    found = [item for seed in range(3) for item in texts(view(), seed) if not item.targets]
    phrases = {item.phrase for item in found if item.kind in ("name", "concept", "all")}
    sampler = InstructionSampler(SceneFacts(view()), random.Random(0), "train")
    assert "padlock" in sampler.absent_categories
    assert phrases
    assert not phrases & {"power drill", "drill", "corkscrew", "mustard bottle", "bottle", "apple"}
    assert not phrases & SEEN_IN_ROOMS, "a photograph around the table may show them"
    assert "corkscrew" in OOV_OBJECTS, "which the lexicon's synonym overrides"


def test_with_distractors_no_instruction_is_about_everything() -> None:
    found = texts(view(occluders=["distractor"]))
    assert found
    open_kinds = {"everything", "rel_all", "except_one", "color_all", "nonfood"}
    assert not {item.kind for item in found if not item.has_absent_referent} & open_kinds


def test_an_empty_lexicon_is_that_of_the_package() -> None:
    lexicon = Lexicon.of(meta())
    assert not lexicon
    assert lexicon.names("mug")[0] == ("mug", "mugs")
    assert "drink" in lexicon.affordances("mug")
    assert "drink" in lexicon.perhaps("bowl")
    assert "drink" not in lexicon.affordances("knife") | lexicon.perhaps("knife")
    assert lexicon.unsure("mug") == lexicon.also("mug") == frozenset()


@pytest.mark.parametrize(
    ("word", "mentioned"), [("drill", True), ("power drill", True), ("hammer", False), ("ill", False)]
)
def test_a_word_is_mentioned_as_a_whole(word: str, mentioned: bool) -> None:
    assert Lexicon.of(view()).mentions(word) is mentioned
