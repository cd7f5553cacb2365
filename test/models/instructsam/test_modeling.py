"""Phrases of a generation with their query states, and their detections."""

from __future__ import annotations

import pytest
import torch

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import embedded_ids, pad_phrases
from test.models.instructsam.scripted import END, EOS, PREFIX, QUESTION, START, forced

torch.set_num_threads(1)


def test_orphan_end_marker_drops_its_block_only(model: InstructSam, features: ImageFeatures) -> None:
    answer = forced(model, features, [END, START, 7, END, END, START, 8, 9, END, EOS])
    phrases, queries = model.generated_phrases(answer)
    assert answer.blocks == (0, 3, 4, 8)
    assert phrases == [(START, 7, END), (START, 8, 9, END)]
    torch.testing.assert_close(queries, answer.queries[[1, 3]])


def test_adjacent_phrases_each_get_a_block(model: InstructSam, features: ImageFeatures) -> None:
    phrases, queries = model.generated_phrases(forced(model, features, [START, 7, END, START, 8, END, EOS]))
    assert phrases == [(START, 7, END), (START, 8, END)]
    assert queries.shape == (2, 10, 64)
    with torch.inference_mode():
        output = model.segment_phrases(features, phrases, queries)
    assert output.mask_logits.shape == (2, 10, 32, 32)


def test_unfinished_answer_keeps_closed_phrases(model: InstructSam, features: ImageFeatures) -> None:
    endless = [START, 7, END, *[9] * 300]
    answer = forced(model, features, endless)
    assert len(answer.ids) == model.config.max_new_tokens
    assert model.generated_phrases(answer)[0] == [(START, 7, END)]


def test_phrase_without_words(model: InstructSam, features: ImageFeatures) -> None:
    phrases, _ = model.generated_phrases(forced(model, features, [START, END, EOS]))
    # With markers there is something to embed, without them there is not.
    assert phrases == ([(START, END)] if model.config.mode.phrase_markers else [])


def test_prompt_for_another_image_is_refused(model: InstructSam, features: ImageFeatures) -> None:
    with pytest.raises(InvalidInputError, match="7 image tokens"):
        model.generate(features, [*PREFIX[:4], 500, *PREFIX[4:], *QUESTION])


def test_prefix_of_another_prompt_is_refused(model: InstructSam, features: ImageFeatures) -> None:
    with torch.inference_mode():
        prefix = model.prefix(features, PREFIX)
    with pytest.raises(InvalidInputError, match="does not begin"):
        model.generate(features, [99, *PREFIX[1:], *QUESTION], prefix=prefix)


def test_long_phrase_is_cut_to_32_tokens(model: InstructSam, features: ImageFeatures) -> None:
    phrase = [START, *range(1, 41), END]
    assert embedded_ids(phrase, with_markers=True) == [START, *range(1, 32)]
    assert embedded_ids(phrase, with_markers=False) == list(range(1, 33))
    phrases, queries = model.generated_phrases(forced(model, features, [*phrase, EOS]))
    with torch.inference_mode():
        cut = model.segment_phrases(features, phrases, queries)
        # The tokens that are cut off, here other ones, make no difference.
        other = model.segment_phrases(features, [[*phrase[:34], 99, END]], queries)
    torch.testing.assert_close(cut.mask_logits, other.mask_logits, atol=0, rtol=0)


def test_batch_of_phrases_equals_one_by_one(model: InstructSam, features: ImageFeatures) -> None:
    answer = forced(model, features, [START, 7, END, START, 8, 9, 7, 7, 8, 9, END, START, 9, 8, END, EOS])
    phrases, queries = model.generated_phrases(answer)
    with torch.inference_mode():
        together = model.segment_phrases(features, phrases, queries)
        for row, phrase in enumerate(phrases):
            alone = model.segment_phrases(features, [phrase], queries[row : row + 1])
            torch.testing.assert_close(together.mask_logits[row], alone.mask_logits[0], atol=2e-4, rtol=1e-5)
            torch.testing.assert_close(together.boxes[row], alone.boxes[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(together.score_logits[row], alone.score_logits[0], atol=1e-5, rtol=0)


def test_padding_of_phrases_changes_nothing(tiny_model: InstructSam, features: ImageFeatures) -> None:
    queries = torch.randn(2, 10, 32, generator=torch.Generator().manual_seed(0))
    results = []
    for min_length in (0, 32):
        ids, mask = pad_phrases([[START, 7, END], [START, 8, 9, 7, END]], torch.device("cpu"), min_length)
        with torch.inference_mode():
            embeds = tiny_model.text_hidden_fcs(tiny_model.language.embed(ids))
            results.append(tiny_model.detector(features, embeds, mask, queries))
    torch.testing.assert_close(results[0].mask_logits, results[1].mask_logits, atol=2e-4, rtol=1e-5)
    torch.testing.assert_close(results[0].score_logits, results[1].score_logits, atol=1e-5, rtol=0)
