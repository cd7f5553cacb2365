"""Names of objects in texts."""

import pytest

from instructsam_ros.training.data_engine.target_words import target_words, used_words


@pytest.mark.parametrize(
    ("noun", "text", "used"),
    [
        ("mug", "the coffee-mug", ["coffee mug", "mug"]),
        ("mug", "Mugs!", ["mugs"]),
        ("mug", "smuggled goods", []),
        ("knife", "two knives", ["knives"]),
        ("milk carton", "a carton of milk", ["carton", "carton of milk"]),
        ("gear wheel", "the wheel", ["wheel"]),
        ("pair of scissors", "cut with the scissors", ["scissors"]),
        ("pair of scissors", "the pair on the left", []),
    ],
)
def test_names_and_synonyms_are_found_as_whole_words(noun, text, used):
    assert used_words(text, target_words(noun)) == used
