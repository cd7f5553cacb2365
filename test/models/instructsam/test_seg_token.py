"""[SEG] tokens are written one by one, are read where they stand, and end with the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.seg_token import SegTokenSam, presence_logits

START, END, SEG, EOS = 508, 509, 505, 511
PHRASE = [START, 2, END]
QUESTION = [1, 2, EOS]


@pytest.fixture(scope="module")
def model(seg_token_folder: Path) -> SegTokenSam:
    loaded = load_folder(seg_token_folder)
    assert isinstance(loaded, SegTokenSam)
    return loaded


@pytest.fixture(scope="module")
def features(model: SegTokenSam) -> ImageFeatures:
    with torch.inference_mode():
        return model.encode_image(PyramidInputs(torch.randn(1, 3, 64, 96)))


def prompt(features: ImageFeatures) -> list[int]:
    return [502, *[500] * features.tokens.shape[1], 503, *QUESTION]


def forced(model: SegTokenSam, features: ImageFeatures, ids: list[int], **kwargs: object):
    with torch.inference_mode():
        return model.generate(features, prompt(features), choose=lambda step, _: ids[step], **kwargs)


answers = st.integers(0, 4).map(lambda count: [*PHRASE, *[SEG] * count, EOS])


@settings(max_examples=12)
@given(answer=answers, draft=st.one_of(answers, st.lists(st.sampled_from([START, END, SEG, EOS, 2]))))
def test_a_draft_changes_nothing(model, features, answer, draft) -> None:
    alone = forced(model, features, answer)
    drafted = forced(model, features, answer, previous_ids=draft)
    assert (alone.ids, alone.blocks) == (drafted.ids, drafted.blocks)
    torch.testing.assert_close(alone.queries, drafted.queries, atol=2e-5, rtol=0)


def test_the_states_of_the_phrase_and_of_every_seg_token_are_kept(model, features) -> None:
    found = forced(model, features, [*PHRASE, SEG, SEG, EOS])
    assert found.blocks == (2, 3, 4)
    ((phrase,), states) = model.generated_phrases(found)
    assert phrase == tuple(PHRASE)
    assert states.shape == (1, 3, model.config.hidden_size)


@pytest.mark.parametrize("ids", [[EOS], [*PHRASE, EOS], [START, END, SEG, EOS], [2, END, SEG, EOS]])
def test_without_a_phrase_or_an_instance_there_is_nothing_to_segment(model, features, ids) -> None:
    phrases, states = model.generated_phrases(forced(model, features, ids))
    assert phrases == []
    assert len(states) == 0


def test_an_answer_ends_before_one_instance_too_many(model, features) -> None:
    most = model.config.num_queries
    found = forced(model, features, [*PHRASE, *[SEG] * 20], previous_ids=[*PHRASE, *[SEG] * 3])
    assert found.ids == (*PHRASE, *[SEG] * (most + 1))
    assert model.generated_phrases(found)[1].shape[1] == 1 + most


def test_only_seg_tokens_and_the_end_follow_a_phrase(model) -> None:
    decoder = model.decoder

    def best(ids: list[int], *tokens: int) -> int:
        logits = torch.full((512,), -1.0)
        logits[list(tokens)] = torch.arange(len(tokens), 0, -1.0)
        return decoder._pick(ids, logits, None)

    assert best([], SEG, 7) == 7
    assert best([START, 2], SEG, END) == END
    assert best(PHRASE, 7, START, SEG, EOS) == SEG
    assert best([*PHRASE, SEG], 7, EOS, SEG) == EOS
    with pytest.raises(InstructSamError, match="not numbers"):
        decoder._pick(PHRASE, torch.full((512,), torch.nan), None)


def test_scores_are_the_logits_of_a_seg_token_against_the_end(model, features) -> None:
    seen: list[Tensor] = []
    ids = [*PHRASE, SEG, SEG, EOS]

    def choose(step: int, logits: Tensor) -> int:
        seen.append(logits)
        return ids[step]

    with torch.inference_mode():
        found = model.generate(features, prompt(features), choose=choose)
        phrases, states = model.generated_phrases(found)
        output = model.segment_phrases(features, phrases, states)
        after = presence_logits(model.language, model.config.tokens, states[0, -1])
    expected = torch.stack([logits[SEG] - logits[EOS] for logits in seen[3:5]])
    torch.testing.assert_close(output.score_logits[0], expected, atol=1e-4, rtol=0)
    assert output.mask_logits.shape[:2] == (1, 2)
    torch.testing.assert_close(after, seen[5][SEG] - seen[5][EOS], atol=1e-4, rtol=0)
