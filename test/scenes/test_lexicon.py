"""The lexicon knows what training can say, and which words of it are idle."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.language import flip, idle_words, instructions, training_texts
from instructsam_ros.training.vocabulary import build_tokenizer
from test.scenes.metas import DEPTH, ROW, TABLE


def test_every_word_of_training_is_known() -> None:
    tokenizer = build_tokenizer(training_texts())
    unknown = tokenizer.token_to_id("<unk>")
    rng = np.random.default_rng(0)
    said = [i for scene in (ROW, TABLE, DEPTH) for _ in range(40) for i in instructions(scene, rng, 24)]
    texts = {text for item in said for text in (item.text, flip(item.text), item.phrase)}
    assert not [text for text in texts if unknown in tokenizer.encode(text).ids]
    assert len(texts) > 1000


def test_words_of_heldout_wordings_alone_are_unknown() -> None:
    known = set(build_tokenizer(training_texts()).get_vocab())
    assert not known & {"gather", "locate", "suits"}


def test_idle_words_carry_no_meaning() -> None:
    assert {"please", "segment", "retrieve", "sitting"} <= idle_words()
    assert not idle_words() & {"left", "mug", "except", "not", "red", "largest", "on", "drink", "two"}
