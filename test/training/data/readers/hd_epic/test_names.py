import pytest

from instructsam_ros.training.data.readers.hd_epic.names import object_noun, unknown_words


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("plate2", "plate"),
        ("wooden spoon 2", "wooden spoon"),
        ("onion half2-1", "onion half"),
        ("orange4 half", "orange half"),
        ("date11-part", "date-part"),
        ("second mug", "mug"),
        ("left half of third orange", "left half of orange"),
        ("squash eighteenth piece", "squash piece"),
        ("the other sponge", "sponge"),
        ("v60 coffee filter", "v60 coffee filter"),
        ("oven gloves (pair)", "oven gloves"),
        ("  Red_onion ", "red onion"),
        ("chef's knife", "chef's knife"),
        ("Track 31 (skipped)", None),
        ("new track 1", None),
        ("obj2", None),
        ("unknown", None),
        ("pie2pie1", None),
        ("knife 2 picked up", None),
        ("a spoon and a fork and the lid of the pan", None),
        ("12", None),
        ("", None),
    ],
)
def test_the_noun_of_a_name(name, noun):
    assert object_noun(name) == noun


def test_words_with_typing_errors_are_found():
    known = frozenset({"plant", "based", "burger"})
    assert unknown_words("plant-based burger", known) == []
    assert unknown_words("plant-based buger", known) == ["buger"]
