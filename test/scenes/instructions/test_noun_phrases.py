"""Noun phrases and names of groups."""

from __future__ import annotations

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.instructions.noun_phrases import GROUP_NAMES, GROUP_PHRASES, NO_ANCHOR, Noun
from test.scenes.scene_metadata import ROW


def test_slots_hold_all_surface_forms() -> None:
    noun = Noun("red mug", "red mugs", "mug", "mugs", "red mug", {1: 1}, "red", "mug")
    assert noun.slots == {"n": "red mug", "ns": "red mugs", "bare": "mug", "bares": "mugs", "color": "red"}


def test_every_named_group_has_members_and_a_phrase() -> None:
    assert GROUP_NAMES.keys() == GROUP_PHRASES.keys()
    groups = {group for category in CATALOGUE.values() for group in category.groups}
    assert GROUP_NAMES.keys() <= groups


def test_no_object_has_the_id_of_an_absent_anchor() -> None:
    assert NO_ANCHOR not in {entry["id"] for entry in ROW["objects"]}
