"""The vocabulary covers all training texts; its filler words carry no meaning."""

from __future__ import annotations

import re

import numpy as np

from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.scenes.instructions import filler_words, flip, instructions, training_texts
from instructsam_ros.scenes.instructions.absent_objects import (
    OOV_OBJECTS,
    OOV_PHRASE,
    OOV_PURPOSES,
    OOV_SITUATIONS,
)
from test.scenes.scene_metadata import DEPTH, ROW, TABLE


def words(*texts: str) -> set[str]:
    return set(re.findall(r"[a-z]+", " ".join(texts).lower()))


def test_every_word_of_training_is_known_or_out_of_vocabulary() -> None:
    tokenizer = build_tokenizer(training_texts())
    known = set(tokenizer.get_vocab())
    names = [name for names in OOV_OBJECTS.values() for name in names]
    rng = np.random.default_rng(0)
    sampled = [i for scene in (ROW, TABLE, DEPTH) for _ in range(40) for i in instructions(scene, rng, 24)]
    texts = {text for item in sampled for text in (item.text, flip(item.text), item.phrase)}
    unknown = words(*map(tokenizer.normalizer.normalize_str, texts)) - known
    assert unknown
    assert unknown <= words(*names, OOV_PHRASE, *OOV_PURPOSES, *OOV_SITUATIONS)
    assert len(texts) > 1000


def test_words_of_held_out_templates_alone_are_unknown() -> None:
    known = set(build_tokenizer(training_texts()).get_vocab())
    assert not known & {"gather", "locate", "suits"}


def test_filler_words_carry_no_meaning() -> None:
    assert {"please", "segment", "retrieve", "sitting"} <= filler_words()
    assert not filler_words() & {"left", "mug", "except", "not", "red", "largest", "on", "drink", "two"}
