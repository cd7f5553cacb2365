"""Everyday nouns: one meaning per name, and what a labelling leaves open."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.nouns import (
    absent_nouns,
    covered_nouns,
    everyday_nouns,
    noun_of,
    parse_nouns,
)


def test_there_are_enough_and_every_name_means_one_noun() -> None:
    nouns = everyday_nouns()
    assert len(nouns) >= 120
    for name, noun in nouns.items():
        assert {noun_of(word) for pair in noun.all_names for word in pair} == {name}


def test_synonyms_and_plurals_map_to_one_noun() -> None:
    assert noun_of("jug") == noun_of("Pitchers") == "pitcher"
    assert noun_of("scissors") == "pair of scissors"
    assert noun_of("gizmo") == ""


@pytest.mark.parametrize("name", KNOWN_CATEGORIES)
def test_they_agree_with_the_rendered_categories(name: str) -> None:
    noun, category = everyday_nouns()[name], KNOWN_CATEGORIES[name]
    assert noun.names[0] == category.names[0]
    assert set(category.names) <= set(noun.all_names)
    assert set(category.groups) == set(noun.kinds)
    assert {key for key, entry in AFFORDANCES.items() if name in entry.sure} == noun.affords


def test_affordances_are_known() -> None:
    assert {key for noun in everyday_nouns().values() for key in noun.affords} <= AFFORDANCES.keys()


def test_broader_nouns_are_transitive_and_confusion_is_mutual() -> None:
    nouns = everyday_nouns()
    assert nouns["wine glass"].broader == {"glass", "cup"}
    assert nouns["cup"].confusable >= {"mug", "glass", "wine glass", "bowl"}
    for name, noun in nouns.items():
        assert all(name in nouns[other].confusable for other in noun.confusable)
        assert name not in noun.confusable


def test_what_a_label_may_mean_is_not_certainly_absent() -> None:
    covered = covered_nouns(["cup", "orange"])
    assert {"mug", "glass", "cup"} <= covered
    assert "jar" not in covered
    assert absent_nouns(covered, []) == covered
    absent = absent_nouns(covered, ["cup"])
    assert not absent & {"cup", "mug", "glass", "bowl"}
    assert "orange" in absent


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"cup": {"is": ["vessel"]}}, "no noun 'vessel'"),
        ({"cup": {}, "mug": {"synonyms": {"cup": None}}}, "'cup' is a name of both"),
        ({"cup": {"hue": "red"}}, "unknown setting hue"),
        ({"cup": {"is": ["mug"], "broader": []}, "mug": {}}, "the same setting"),
    ],
)
def test_a_faulty_file_is_named(lines: dict[str, dict[str, object]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_nouns(lines, "nouns.yaml")
