import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.training.data.noun_instructions import (
    MOST_TARGETS,
    NEGATIVE_SHARE,
    Entity,
    NounInstruction,
    NounLabels,
    noun_instructions,
    noun_samples,
    readable_noun,
)
from instructsam_ros.training.data.plurals import plural
from instructsam_ros.training.data.sample import Phrase, Sample

H, W = 4, 10


def entity(noun, left=None, right=None):
    mask = np.zeros((1, H, W), bool)
    if left is not None:
        mask[:, :, round(left * W) : round(right * W)] = True
    return Entity(noun, lambda: mask, None if left is None else (left, right))


def written(entities, exhaustive=(), absent=(), runs=60, count=20):
    labels = NounLabels(tuple(entities), frozenset(exhaustive), frozenset(absent))
    return [
        item for run in range(runs) for item in noun_instructions(labels, count, np.random.default_rng(run))
    ]


CUPS = [entity("cup", 0.0, 0.2), entity("cup", 0.7, 0.9), entity("fork", 0.3, 0.4)]


def test_one_object_is_named_in_several_words():
    items = written([entity("chopping board", 0.1, 0.2)], runs=300)
    assert {(i.targets, i.kind, i.cardinality, i.phrase) for i in items} == {
        ((0,), "noun", "one", "chopping board")
    }
    texts = {i.text for i in items}
    assert {"chopping board", "the chopping board", "segment the chopping board"} <= texts
    assert all((i.level == "concept") == (i.text == "chopping board") for i in items)
    assert not any(text.endswith(" the") or "  " in text or "the the" in text for text in texts)


def test_several_objects_of_a_noun_whose_labelling_is_not_exhaustive_give_nothing():
    assert {i.phrase for i in written(CUPS)} == {"fork"}


def test_all_and_counts_mean_every_object_of_an_exhaustive_noun():
    items = [i for i in written(CUPS, ["cup"]) if i.phrase == "cup"]
    for kind in ("all", "count"):
        assert {(i.targets, i.cardinality) for i in items if i.kind == kind} == {((0, 1), "all")}
    assert {"cups", "all the cups"} <= {i.text for i in items if i.kind == "all"}
    counted = [i.text for i in items if i.kind == "count"]
    assert {"the two cups", "both cups"} <= set(counted)
    assert all(re.search("two|both", text) for text in counted)


def test_the_left_and_the_right_one():
    places = [i for i in written(CUPS, ["cup"]) if i.kind == "place"]
    assert {i.targets for i in places if "left" in i.text} == {(0,)}
    assert {i.targets for i in places if "right" in i.text} == {(1,)}
    assert {i.cardinality for i in places} == {"one"}
    assert {"the cup on the left", "the leftmost cup", "the rightmost cup"} <= {i.text for i in places}


@pytest.mark.parametrize(
    ("second", "is_clear"),
    [
        ((0.7, 0.9), True),
        ((0.25, 0.35), True),
        ((0.05, 0.2), False),
        ((0.0, 0.8), False),
        ((0.1, 0.2), False),
    ],
)
def test_places_need_a_clear_distance(second, is_clear):
    entities = [entity("cup", 0.0, 0.2), entity("cup", *second)]
    assert any(i.kind == "place" for i in written(entities, ["cup"])) == is_clear


def test_among_three_the_middle_one_too_and_no_simple_left():
    entities = [entity("cup", 0.4, 0.5), entity("cup", 0.7, 0.9), entity("cup", 0.0, 0.1)]
    places = [i for i in written(entities, ["cup"]) if i.kind == "place"]
    assert {i.targets for i in places if "middle" in i.text} == {(0,)}
    assert {i.targets for i in places if re.search("leftmost|furthest to the left|far left", i.text)} == {
        (2,)
    }
    assert not any(i.text.endswith("on the left") for i in places)


def test_objects_without_a_span_have_no_place():
    assert {i.kind for i in written([*CUPS, entity("cup")], ["cup"]) if i.phrase == "cup"} == {"all", "count"}


def test_what_is_not_counted_has_no_count():
    items = written([entity("scissors", 0.0, 0.1), entity("scissors", 0.5, 0.6)], ["scissors"])
    assert {i.kind for i in items} == {"all"}
    assert not any("every" in i.text for i in items)


def test_more_than_an_answer_holds_is_neither_all_nor_counted():
    entities = [entity("cup", i / 20, i / 20 + 0.01) for i in range(MOST_TARGETS + 1)]
    assert {i.kind for i in written(entities, ["cup"])} <= {"place"}
    assert {i.kind for i in written(entities[1:], ["cup"])} >= {"all", "count"}


def test_no_target_only_for_absent_nouns():
    items = written(CUPS, ["cup", "fork"], ["spoon", "plate", "cup"], count=4, runs=200)
    negatives = [i for i in items if i.cardinality == "none"]
    assert {i.phrase for i in negatives} == {"spoon", "plate"}
    assert all(i.targets == () for i in negatives)
    assert all((i.targets == ()) == (i.cardinality == "none") for i in items)
    assert abs(len(negatives) / len(items) - NEGATIVE_SHARE) < 0.05


def test_nouns_of_objects_that_are_no_entities_are_neither_named_nor_absent():
    labels = NounLabels(
        (entity("cup"), entity("fork"), entity("glass")),
        frozenset(["cup", "fork"]),
        frozenset(["plate", "paper plate", "spoon"]),
        ambiguous=frozenset(["cup", "wine glass", "plate"]),
    )
    items = [i for run in range(200) for i in noun_instructions(labels, 4, np.random.default_rng(run))]
    assert {i.phrase for i in items} == {"fork", "spoon"}


def test_nouns_with_the_same_head_are_not_mixed_up():
    items = written(
        [entity("wine glass"), entity("glass"), entity("teddy bear")],
        ["glass"],
        ["bear", "polar bear", "dog"],
    )
    assert {i.phrase for i in items} == {"wine glass", "teddy bear", "dog"}


nouns = st.sampled_from(["cup", "wine glass", "rice", "knife", "sheep"])
spans = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda span: tuple(sorted(span)))


@given(
    st.lists(st.tuples(nouns, spans), max_size=12),
    st.frozensets(nouns),
    st.integers(1, 8),
    st.integers(0, 1000),
)
def test_answers_follow_from_the_labels(objects, exhaustive, count, seed):
    labels = NounLabels(
        tuple(entity(noun, *span) for noun, span in objects), exhaustive, frozenset(["spoon", "cup"])
    )
    items = noun_instructions(labels, count, np.random.default_rng(seed))
    assert items == noun_instructions(labels, count, np.random.default_rng(seed))
    assert len(items) <= count
    assert len({i.text for i in items}) == len(items)
    for item in items:
        named = tuple(i for i, (noun, _) in enumerate(objects) if noun == item.phrase)
        assert item.phrase in item.text or plural(item.phrase) in item.text
        if item.kind in ("all", "count"):
            assert item.targets == named
            assert len(named) <= MOST_TARGETS
            assert not named or (len(named) > 1 and item.phrase in exhaustive)
        elif item.kind == "place":
            assert item.phrase in exhaustive
            assert set(item.targets) < set(named)
        else:
            assert item.targets == named
            assert len(named) <= 1


def test_samples_read_the_masks_of_their_targets_and_repeat():
    labels = NounLabels(tuple(CUPS), frozenset(["cup", "fork"]), frozenset(["spoon"]))
    template = Sample(
        "a.png", lambda: np.zeros((H, W, 3), np.uint8), "", (_nothing(),), source="coco", split="x"
    )
    samples = [s for seed in range(40) for s in noun_samples(labels, template, 4, seed)]
    expected = {"all": [8, 8], "count": [8, 8]}
    for sample in samples:
        assert (sample.image, sample.source, sample.split) == ("a.png", "coco", "x")
        assert set(sample.labels) == {"level", "cardinality", "kind"}
        pixels = sample.masks().sum((1, 2)).tolist()
        if sample.labels["cardinality"] == "none":
            assert sample.masks().shape == (0, H, W)
        else:
            assert pixels == expected.get(sample.labels["kind"], [4] if "fork" in sample.instruction else [8])
    again = [s for seed in range(40) for s in noun_samples(labels, template, 4, seed)]
    assert [s.instruction for s in samples] == [s.instruction for s in again]
    assert (
        len({tuple(s.instruction for s in noun_samples(labels, template, 4, seed)) for seed in range(9)}) > 1
    )


def _nothing():
    return Phrase("", lambda: np.zeros((0, H, W), bool))


def test_instructions_from_other_labels_take_turns_with_nouns():
    more = [NounInstruction(f"hand {n}", "cup", (0, 1), "contact", "complex", "all") for n in range(30)]
    labels = NounLabels((*CUPS, entity("knife", 0.5, 0.6)))
    for run in range(20):
        kinds = [item.kind for item in noun_instructions(labels, 4, np.random.default_rng(run), more)]
        assert sorted(kinds) == ["contact", "contact", "noun", "noun"]
    template = Sample("a.jpg", lambda: None, "", (Phrase("", lambda: np.zeros((0, H, W), bool)),))
    samples = list(noun_samples(labels, template, 4, 0, more))
    assert {len(sample.masks()) for sample in samples if sample.labels["kind"] == "contact"} == {2}


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("cup", "cup"),
        ("wine glass", "wine glass"),
        ("chopping_board", "chopping board"),
        ("mouse_(computer_equipment)", "mouse"),
        ("glass_(drink_container):base", "glass base"),
        ("bottle_(bottle,_flask)", "bottle"),
        ("wrench_(tool", "wrench"),
        ("mug:inner_body", "mug inner body"),
    ],
)
def test_readable_nouns(name, noun):
    assert readable_noun(name) == noun
