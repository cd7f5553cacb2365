"""What a run starts from."""

import torch

from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.training.initialization import move_words


def test_words_keep_their_vectors_in_another_vocabulary() -> None:
    old, new = build_tokenizer(["red mug"]), build_tokenizer(["a blue mug", "red"])
    rows = torch.arange(old.get_vocab_size()).float()[:, None]
    fresh = torch.full((new.get_vocab_size(), 1), -1.0)
    moved = move_words(rows, old, new, fresh)
    for word in ("red", "mug", "<unk>", "[SEG]"):
        assert moved[new.token_to_id(word)] == rows[old.token_to_id(word)]
    assert moved[new.token_to_id("blue")] == moved[new.token_to_id("a")] == -1
    assert (fresh == -1).all()
