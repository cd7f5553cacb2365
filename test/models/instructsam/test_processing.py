"""Words that a model never learned are named, and so are tokenizers that cannot be used."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instructsam_ros.backends.instructsam import load
from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.paths import DATA


def test_unknown_words_are_named_once_per_instruction(caplog: pytest.LogCaptureFixture) -> None:
    segmenter = load("compact", "cpu")
    rgb = np.full((48, 64, 3), 127, np.uint8)
    with caplog.at_level(logging.WARNING):
        for text in ("The drill near my Blorb!", "all the mugs", "The drill near my Blorb!"):
            segmenter.segment_image(rgb, text)
    (message,) = (record.getMessage() for record in caplog.records)
    assert "does not know 'drill', 'Blorb'" in message
    assert "The drill near my Blorb!" in message


def test_figures_and_british_colours_are_known_words(caplog: pytest.LogCaptureFixture) -> None:
    segmenter = load("compact", "cpu")
    rgb = np.full((48, 64, 3), 127, np.uint8)
    with caplog.at_level(logging.WARNING):
        ours = segmenter.segment_image(rgb, "the 3 grey mugs")
    assert not caplog.records
    assert ours.answer == segmenter.segment_image(rgb, "the three gray mugs").answer


def config() -> InstructSamConfig:
    return InstructSamConfig.from_folder(DATA / "compact")


def shipped_tokenizer() -> dict[str, Any]:
    return dict(json.loads((DATA / "compact" / "tokenizer.json").read_text()))


def test_a_tokenizer_on_which_the_library_panics_is_named() -> None:
    table = shipped_tokenizer()
    table["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    with pytest.raises(CheckpointError, match=r"tokenizer.json is not usable: .*charsmap"):
        PromptTokenizer(json.dumps(table), config())


def test_truncation_left_over_from_training_does_not_cut_prompts() -> None:
    table = shipped_tokenizer()
    whole = PromptTokenizer(json.dumps(table), config())
    table["truncation"] = {
        "max_length": 2,
        "strategy": "LongestFirst",
        "stride": 0,
        "direction": "Right",
    }
    cut = PromptTokenizer(json.dumps(table), config())
    text = "the red mug left of the bowl"
    assert cut.instruction_ids(text) == whole.instruction_ids(text)


def test_a_tokenizer_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is not usable"):
        PromptTokenizer.from_folder(tmp_path, config())


def test_a_pointer_of_git_lfs_in_place_of_the_tokenizer_is_named(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    (tmp_path / "tokenizer.json").write_text(pointer)
    with pytest.raises(CheckpointError, match="git lfs pull"):
        PromptTokenizer.from_folder(tmp_path, config())


def test_a_tokenizer_whose_control_tokens_have_other_ids_is_refused() -> None:
    first, second = "<|object_ref_start|>", "<|object_ref_end|>"
    swapped = shipped_tokenizer()
    ids = swapped["model"]["vocab"]
    ids[first], ids[second] = ids[second], ids[first]
    for entry in swapped["added_tokens"]:
        entry["id"] = ids[entry["content"]]
    swapped["added_tokens"].sort(key=lambda entry: entry["id"])
    split = shipped_tokenizer()  # the marker is read as several words
    split["added_tokens"] = [entry for entry in split["added_tokens"] if entry["content"] != first]
    for table in (swapped, split):
        with pytest.raises(CheckpointError, match=r"does not encode these control tokens.*ref_start"):
            PromptTokenizer(json.dumps(table), config())
