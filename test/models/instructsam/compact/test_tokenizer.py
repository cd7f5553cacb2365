"""The compact model's tokenizer: words, spellings and special tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from instructsam_ros.models.instructsam.compact.tokenizer import (
    SPECIAL_TOKENS,
    build_tokenizer,
    save_tokenizer,
)

TEXTS = ["the red mug", "the two gray mugs, please", "i am close to the largest mug"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(TEXTS)


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(text).tokens)


def test_special_tokens_have_the_first_ids_and_are_one_token_each(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    assert tokens(tokenizer, "<|object_ref_start|>red mug<|object_ref_end|>") == [
        "<|object_ref_start|>",
        "red",
        "mug",
        "<|object_ref_end|>",
    ]


def test_words_are_lower_cased_and_unknown_ones_marked(tokenizer: Tokenizer) -> None:
    assert tokens(tokenizer, "The RED blorb, please") == ["the", "red", "<unk>", ",", "please"]


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("the 2 grey mugs", "the two gray mugs"),
        ("I\u2019m next to the red mug", "i am close to the red mug"),
        ("the big mug", "the largest mug"),
        ("the bigger red mug", "the largest red mug"),
    ],
)
def test_spellings_become_those_of_training(tokenizer: Tokenizer, written: str, usual: str) -> None:
    assert tokens(tokenizer, written) == tokens(tokenizer, usual)


def test_a_size_before_a_plural_is_no_superlative() -> None:
    tokenizer = build_tokenizer([*TEXTS, "the big mugs"])
    assert tokens(tokenizer, "the big mugs") == ["the", "big", "mugs"]


def test_rare_words_are_left_out() -> None:
    vocabulary = build_tokenizer(["a mug", "a bowl", "a mug"], min_count=2).get_vocab()
    assert set(vocabulary) == {*SPECIAL_TOKENS, "a", "mug"}


@given(st.text(max_size=30))
def test_any_text_has_ids_of_the_vocabulary(tokenizer: Tokenizer, text: str) -> None:
    assert all(0 <= i < tokenizer.get_vocab_size() for i in tokenizer.encode(text).ids)


def test_a_saved_tokenizer_reads_as_before(tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    read = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert read.encode(TEXTS[1]).ids == tokenizer.encode(TEXTS[1]).ids
