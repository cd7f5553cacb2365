"""Training of the router on the grammar of the sample views."""

import pytest

from instructsam_ros.models.sam3i.router import Router
from instructsam_ros.paths import DATA
from instructsam_ros.training.instruction_router import accuracy, examples, function_words, train


def test_a_small_corpus_is_learned_and_no_noun_is_a_function_word():
    corpus = examples(DATA / "scenes", "train", 1)
    assert {example.route for example in corpus} == {"concept", "simple", "complex"}
    assert not any(example.held_out for example in corpus)
    router = train(corpus, limit=150)
    assert len(router.weights) <= 150
    assert accuracy(router, corpus)["all"] > 0.95
    assert not {"mug", "plate", "soup"} & function_words()


def test_the_shipped_router_reads_held_out_wordings():
    corpus = [example for example in examples(DATA / "scenes", "heldout", 8) if example.held_out]
    shares = accuracy(Router.shipped(), corpus)
    assert shares["all"] >= 0.95
    assert set(shares) > {"simple", "complex"}


def test_accuracy_is_by_route():
    corpus = examples(DATA / "scenes", "train", 1)[:50]
    shares = accuracy(Router.shipped(), corpus)
    counts = {route: sum(e.route == route for e in corpus) for route in shares if route != "all"}
    whole = sum(shares[route] * count for route, count in counts.items()) / len(corpus)
    assert shares["all"] == pytest.approx(whole)
