"""CLIP's tokenizer against ids of Meta's, on the merges that those texts need."""

import gzip
import json

import pytest
from tokenizers import Tokenizer, models

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3.tokenizer import CONTEXT, MERGES, ClipTokenizer, _byte_pairs, clean
from test.sam3_models import GOLDEN


@pytest.fixture(scope="module")
def tokenizer():
    part = json.loads((GOLDEN / "tokenizer_merges.json").read_text(encoding="utf-8"))
    return ClipTokenizer(_byte_pairs(part["vocabulary"], [tuple(merge) for merge in part["merges"]]))


def test_ids_are_those_of_the_release(tokenizer):
    golden = json.loads((GOLDEN / "tokenizer.json").read_text(encoding="utf-8"))
    assert (tokenizer.start, tokenizer.end, CONTEXT) == (golden["sot"], golden["eot"], golden["context"])
    texts = list(golden["ids"])
    assert tokenizer(texts).tolist() == list(golden["ids"].values())
    assert [tokenizer.is_cut(text) for text in texts] == [0 not in ids for ids in golden["ids"].values()]


def test_texts_are_cleaned():
    assert clean("  Red \n&amp;amp; BLUE ") == "red & blue"


def test_a_marker_in_a_text_is_text(tokenizer):
    row = tokenizer(["dog <|endoftext|> dog"])[0].tolist()
    assert row.count(tokenizer.end) != 2 or row.index(tokenizer.end) > 3


def test_merges_make_the_vocabulary_in_the_order_of_the_release(tmp_path):
    with gzip.open(tmp_path / MERGES, "wt", encoding="utf-8") as file:
        file.write("#version: 0.2\nd o\ndo g</w>\n")
    tokenizer = ClipTokenizer.from_folder(tmp_path)
    assert tokenizer(["dog"])[0, :4].tolist() == [514, 513, 515, 0]
    assert tokenizer(["a"])[0, 1] == 256 + ord("a") - 33  # a byte letter that ends a word


def test_files_of_transformers_are_read(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    assert ClipTokenizer.from_folder(tmp_path)(["a"])[0, :4].tolist() == [1, 0, 2, 0]


def test_missing_damaged_and_foreign_tokenizers_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"has no tokenizer: put tokenizer\.json"):
        ClipTokenizer.from_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not usable"):
        ClipTokenizer.from_folder(tmp_path)
    with pytest.raises(CheckpointError, match="that of CLIP"):
        ClipTokenizer(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
