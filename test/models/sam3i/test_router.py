"""The router of instructions: the shipped weights, the rules, and its file."""

import pytest

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.sam3i.router import WEIGHTS, Router, check_route, ngrams


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("mug", "concept"),
        ("all red mugs", "concept"),
        ("何か赤いもの 🍎", "concept"),
        ("the mug to the left of the bowl", "simple"),
        ("Give me the second largest plate, please.", "simple"),
        ("everything except the knife", "simple"),
        ("which cups are behind the teapot?", "simple"),
        ("something to cut bread with", "complex"),
        ("I am thirsty. What could I drink from?", "complex"),
        ("show me what I can stir my tea with", "complex"),
    ],
)
def test_routes(text, route):
    decision = Router.shipped()(text)
    assert decision.route == route
    assert 0 < decision.probability <= 1


def test_longest_and_empty_texts_are_decided():
    for text in ("x" * 2000, "?!", "the " * 500, "🍎"):
        assert Router.shipped()(text).route in ("concept", "simple", "complex")


def test_content_words_are_alike():
    words = frozenset(["the", "of"])
    assert ngrams("the red mug", words) == ngrams("The big blue teapot.", words)
    assert ngrams("the mug of the boy", words) == {
        "the", "*", "of", "^ the", "the *", "* of", "of the", "* $", "^ the *", "the * of", "* of the",
        "of the *", "the * $",
    }  # fmt: skip


def test_the_file_is_small_and_holds_what_was_written():
    assert WEIGHTS.stat().st_size < 16_000
    router = Router.shipped()
    assert Router.from_json(router.to_json()).to_json() == router.to_json()
    for text in ("{", "[]", '{"words": "", "bias": [1], "weights": {}}'):
        with pytest.raises(CheckpointError, match="not the weights of a router"):
            Router.from_json(text)


def test_routes_of_options():
    assert check_route("auto") is None
    assert check_route("complex") == "complex"
    for wrong in ("fast", None, 2):
        with pytest.raises(ConfigError, match="not one of auto, concept, simple, complex"):
            check_route(wrong)
