"""Mirrored images: only left and right are swapped."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.scenes.instructions import flip, mirror_meta
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from instructsam_ros.scenes.instructions.spatial_relations import (
    SIDES,
    Relation,
    extreme,
    nearest,
    nth,
    related,
)
from instructsam_ros.scenes.instructions.templates import paraphrases
from test.scenes.expected_answers import sample_every_kind
from test.scenes.scene_metadata import DEPTH, ROW, TABLE, entry, meta

OPPOSITE: dict[Relation, Relation] = {"left": "right", "right": "left", "front": "front", "behind": "behind"}

places = st.tuples(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), st.sampled_from([0.06, 0.08, 0.1, 0.13]))
scenes = st.lists(places, min_size=2, max_size=6).map(
    lambda found: meta(*(entry(k + 1, "red", "mug", x, y, size) for k, (x, y, size) in enumerate(found)))
)


def test_left_and_right_are_sides_in_every_purpose_and_situation() -> None:
    """ "How much is left" would become "how much is right"."""
    sampled = [
        text
        for table in (paraphrases().purposes, paraphrases().situations)
        for texts in table.values()
        for text in texts
    ]
    assert sampled
    assert [text for text in sampled if flip(text) != text] == []


@given(scenes)
def test_relations_of_the_mirrored_scene_are_mirrored(annotations: dict[str, object]) -> None:
    original, mirrored = SceneFacts(annotations), SceneFacts(mirror_meta(annotations))
    for first, item in original.objects.items():
        for second, anchor in original.objects.items():
            for side in SIDES:
                twin = related(mirrored.objects[first], OPPOSITE[side], mirrored.objects[second])
                assert related(item, side, anchor) == twin


@given(scenes, st.booleans(), st.integers(1, 3))
def test_orders_of_the_mirrored_scene_are_mirrored(
    annotations: dict[str, object], from_right: bool, count: int
) -> None:
    original, mirrored = SceneFacts(annotations), SceneFacts(mirror_meta(annotations))
    everything = original.everything()
    for key, twin_order in (("column", not from_right), ("size", from_right), ("distance", from_right)):
        ours = extreme(original, everything, key, descending=from_right, count=count)
        assert ours == extreme(mirrored, everything, key, descending=twin_order, count=count)
    assert nth(original, everything, count, from_right=from_right) == nth(
        mirrored, everything, count, from_right=not from_right
    )
    assert nearest(original, everything, 1) == nearest(mirrored, everything, 1)


def test_flipped_instructions_have_the_same_answer_in_the_mirrored_scene() -> None:
    compared = 0
    for scene in (ROW, TABLE, DEPTH):
        answers: list[dict[str, tuple[int, ...]]] = []
        for version in (scene, mirror_meta(scene)):
            answers.append({i.text.lower(): i.targets for i in sample_every_kind(version, 80)})
        for text, targets in answers[0].items():
            if flip(text) in answers[1]:
                assert targets == answers[1][flip(text)], text
                compared += flip(text) != text
    assert compared > 20, "too few texts with a side in them"


@given(st.text())
def test_flipping_twice_gives_the_text_back(text: str) -> None:
    assert flip(flip(text)) == text


def test_flip_keeps_capitals_and_other_words() -> None:
    assert flip("Leftmost mug right of the bowl, alright") == "Rightmost mug left of the bowl, alright"


@given(scenes)
@settings(max_examples=25)
def test_mirroring_twice_gives_the_annotations_back(annotations: dict[str, object]) -> None:
    twice = mirror_meta(mirror_meta(annotations))["objects"]
    for before, after in zip(annotations["objects"], twice, strict=True):
        assert after["bbox"] == before["bbox"]
        np.testing.assert_allclose(after["centroid"], before["centroid"])
        assert after["pos_cam"] == before["pos_cam"]


def test_hands_change_sides() -> None:
    about = meta(entry(1, "red", "mug", 0.0, 0.0)) | {"hands": [{"id": 200, "side": "left"}]}
    assert mirror_meta(about)["hands"] == [{"id": 200, "side": "right"}]
    assert "hands" not in mirror_meta(meta(entry(1, "red", "mug", 0.0, 0.0)))
