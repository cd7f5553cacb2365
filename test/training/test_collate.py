import numpy as np
import pytest
import torch

from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.training.collate import IGNORE, encode_rows


@pytest.fixture
def tokenizer():
    return build_tokenizer(["the two red mugs, please", "mug", "red mug"])


def test_words_are_lower_cased_and_strangers_are_unknown(tokenizer):
    encoding = tokenizer.encode("The RED zebra, please")
    assert encoding.tokens == ["the", "red", "<unk>", ",", "please"]


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("the 3 GREY mugs", "the three gray mugs"),
        ("1, 2 or 4 mugs", "one, two or four mugs"),
        ("the mugs that aren\u2019t coloured", "the mugs that are not colored"),
        ("Everything except for the mug", "everything except the mug"),
        ("the mugs, excluding the gray ones", "the mugs, except the gray ones"),
        ("I can't find the mug next to the pan", "I cannot find the mug close to the pan"),
        ("the mug near the pan", "the mug close to the pan"),
        ("I'd like what's near to the pan", "I would like what is close to the pan"),
        ("The large mug, the small pan", "the largest mug, the smallest pan"),
        ("the big pot, the big red glass", "the largest pot, the largest red glass"),
        ("all the silverware, a piece of cutlery", "all the pieces of cutlery, a piece of cutlery"),
        ("the tiny mug and the taller pan", "the smallest mug and the tallest pan"),
        ("every item of mine", "every object of mine"),
    ],
)
def test_other_spellings_are_read_as_those_of_training(written: str, usual: str):
    tokenizer = build_tokenizer([usual])
    assert tokenizer.encode(written).tokens == tokenizer.encode(usual).tokens
    assert "<unk>" not in tokenizer.encode(written).tokens


KEPT = "the nearest mug closest to 34 greyish items, linear, in the big pot, the small red mugs"


def test_words_that_only_contain_another_spelling_keep_theirs():
    assert build_tokenizer([]).normalizer.normalize_str(KEPT) == KEPT


def test_labels_are_the_next_token_and_never_a_query_slot(tokenizer):
    rows = encode_rows(tokenizer, ["the two mugs", "mug"], ["red mug", "mug"], num_queries=3)
    seg = tokenizer.token_to_id("[SEG]")
    for ids, labels, valid in zip(rows.ids, rows.labels, rows.valid, strict=True):
        length = int(valid.sum())
        for position in range(length - 1):
            if labels[position] != IGNORE:
                assert labels[position] == ids[position + 1]
        assert seg not in labels.tolist()
        assert labels[length - 1] == IGNORE
    learned = rows.labels[0][rows.labels[0] != IGNORE].tolist()
    names = [tokenizer.id_to_token(i) for i in learned]
    assert names == [
        "<|object_ref_start|>", "red", "mug", "<|object_ref_end|>", "<|mask_start|>", "<|im_end|>",
    ]  # fmt: skip


def test_a_written_seg_token_is_learned_like_a_word(tokenizer):
    rows = encode_rows(tokenizer, ["the two mugs", "mug"], ["red mug", "mug"], 10, instances=[2, 0])
    written = [
        [tokenizer.id_to_token(i) for i in labels[labels != IGNORE].tolist()] for labels in rows.labels
    ]
    assert written == [
        ["<|object_ref_start|>", "red", "mug", "<|object_ref_end|>", "[SEG]", "[SEG]", "<|im_end|>"],
        ["<|object_ref_start|>", "mug", "<|object_ref_end|>", "<|im_end|>"],
    ]
    assert rows.queries.sum(1).tolist() == [2, 0]
    ids, labels = rows.ids[:, 1:], rows.labels[:, :-1]
    assert torch.equal(ids[labels != IGNORE], labels[labels != IGNORE])


def test_every_row_has_one_block_of_queries(tokenizer):
    rows = encode_rows(tokenizer, ["mug", "the two red mugs"], ["mug", "red mug"], num_queries=4)
    assert rows.queries.sum(1).tolist() == [4, 4]
    assert rows.phrase_valid.sum(1).tolist() == [1, 2]
    assert torch.equal(rows.ids == tokenizer.token_to_id("<pad>"), ~rows.valid)


def test_unknown_words_replace_only_idle_words_of_the_instruction(tokenizer):
    text, phrase = "the two red mugs, please", "red mug"
    plain = encode_rows(tokenizer, [text], [phrase], 2)
    idle = frozenset([tokenizer.token_to_id("please"), tokenizer.token_to_id("the")])
    dropped = encode_rows(tokenizer, [text], [phrase], 2, np.random.default_rng(0), idle, unknown_share=1.0)
    unknown = tokenizer.token_to_id("<unk>")
    assert (dropped.ids[0] == unknown).nonzero().flatten().tolist() == [0, 5]
    assert torch.equal(dropped.phrase_ids, plain.phrase_ids)
    assert torch.equal(dropped.labels, plain.labels)
