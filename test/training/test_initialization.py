"""What a run starts from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.scenes.dataset import View, save_view
from instructsam_ros.training.initialization import model_file, move_words, own_texts


def test_words_keep_their_vectors_in_another_vocabulary() -> None:
    old, new = build_tokenizer(["red mug"]), build_tokenizer(["a blue mug", "red"])
    rows = torch.arange(old.get_vocab_size()).float()[:, None]
    fresh = torch.full((new.get_vocab_size(), 1), -1.0)
    moved = move_words(rows, old, new, fresh)
    for word in ("red", "mug", "<unk>", "[SEG]"):
        assert moved[new.token_to_id(word)] == rows[old.token_to_id(word)]
    assert moved[new.token_to_id("blue")] == moved[new.token_to_id("a")] == -1
    assert (fresh == -1).all()


def test_a_folder_of_views_brings_the_words_of_its_own_objects(tmp_path: Path) -> None:
    image = np.zeros((8, 8), np.uint8)
    lexicon = {
        "nouns": {"gear wheel": {"names": [["gear wheel", "gear wheels"]]}},
        "purposes": {
            "turn": {"phrase": "drive", "purposes": ["drive a chain with"], "situations": ["It slips."]}
        },
    }
    for number, meta in enumerate(({"lexicon": lexicon}, {})):
        folder = tmp_path / str(number)
        folder.mkdir()
        view = View(np.zeros((8, 8, 3), np.uint8), image, image.astype(np.float32), meta)
        save_view(view, folder / "000000")
    assert own_texts(tmp_path / "0") == [
        "gear wheel",
        "gear wheels",
        "drive",
        "drive a chain with",
        "It slips.",
    ]
    assert own_texts(tmp_path / "1") == []


def test_a_model_file_may_be_like_another(tmp_path: Path) -> None:
    compact, like_compact = model_file("compact")[1], model_file("compact_real")[1]
    changed = {key for key in compact if like_compact[key] != compact[key]}
    assert like_compact.keys() == compact.keys()
    assert changed == {"vision", "score_threshold"}
    path = tmp_path / "model.yaml"
    path.write_text("like: compact_real\n")
    with pytest.raises(ConfigError, match=r"model\.yaml\.like: 'compact_real' is like another file itself"):
        model_file(str(path))
