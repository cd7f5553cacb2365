"""Query blocks, phrases and shortcuts of decoding: each shortcut gives what plain decoding gives."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation, Lazy
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import embedded_ids, pad_phrases, phrase_spans
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs

torch.set_num_threads(1)
START, END, EOS = 508, 509, 511
PREFIX = [510, 11, 12, 502, *[500] * 6, 503]
QUESTION = [40, 41, 42, 511, 12, 510, 13, 12]


@pytest.fixture(scope="module", params=["released", "paper"])
def model(request: pytest.FixtureRequest, tiny_model: InstructSam, paper_model: InstructSam) -> InstructSam:
    return tiny_model if request.param == "released" else paper_model


@pytest.fixture(scope="module")
def features(tiny_model: InstructSam) -> ImageFeatures:
    generator = torch.Generator().manual_seed(3)
    inputs = TwoTowerInputs(
        torch.randn(24, 1536, generator=generator),
        torch.tensor([[1, 4, 6]]),
        torch.randn(1, 3, 112, 112, generator=generator),
    )
    with torch.inference_mode():
        return tiny_model.encode_image(inputs)


def forced(model: InstructSam, features: ImageFeatures, ids: Sequence[int], **kwargs: object) -> Generation:
    """The answer of a model that is made to say ``ids``."""
    with torch.inference_mode():
        return model.generate(
            features,
            [*PREFIX, *QUESTION],
            choose=lambda step, _logits: ids[step],
            **kwargs,  # type: ignore[arg-type]
        )


def assert_same(a: Generation, b: Generation) -> None:
    assert (a.ids, a.blocks) == (b.ids, b.blocks)
    torch.testing.assert_close(a.queries, b.queries, atol=2e-5, rtol=0)


words = st.lists(st.sampled_from([START, END, 7, 8, 9]), max_size=9)


@settings(max_examples=15)
@given(answer=words, previous=words, with_end=st.booleans())
def test_any_previous_answer_changes_nothing(
    model: InstructSam, features: ImageFeatures, answer: list[int], previous: list[int], with_end: bool
) -> None:
    ids = [*answer, EOS]
    guess = [*previous, EOS] if with_end else previous
    found = forced(model, features, ids, previous_ids=guess)
    assert_same(found, forced(model, features, ids))
    expected = next((i for i, (a, b) in enumerate(zip(ids, guess, strict=False)) if a != b), None)
    assert found.confirmed == (min(len(ids), len(guess)) if expected is None else expected)


def test_shared_prefix_changes_nothing_and_is_not_changed(
    model: InstructSam, features: ImageFeatures
) -> None:
    ids = [START, 7, END, START, 8, 9, END, EOS]
    with torch.inference_mode():
        prefix = model.prefix(features, PREFIX)
    whole = forced(model, features, ids)
    for _ in range(2):
        assert_same(forced(model, features, ids, prefix=prefix), whole)
        assert prefix.state().cache.get_seq_length() == len(PREFIX)


@settings(max_examples=10)
@given(answer=words, previous=words)
def test_reading_a_prefix_on_the_way_is_reading_it_before(
    model: InstructSam, features: ImageFeatures, answer: list[int], previous: list[int]
) -> None:
    with torch.inference_mode():
        alone, on_the_way = model.prefix(features, PREFIX), model.prefix(features, PREFIX)
        alone.state()
    answers = [
        forced(model, features, [*answer, EOS], previous_ids=previous, prefix=prefix)
        for prefix in (alone, on_the_way)
    ]
    assert_same(*answers)
    made, expected = on_the_way.state.made, alone.state()
    assert made is not None, "the first answer leaves the state for others"
    torch.testing.assert_close(made.hidden, expected.hidden, atol=2e-5, rtol=0)
    for layer, other in zip(made.cache.layers, expected.cache.layers, strict=True):
        torch.testing.assert_close(layer.keys, other.keys, atol=2e-5, rtol=0)
        torch.testing.assert_close(layer.values, other.values, atol=2e-5, rtol=0)


def test_greedy_answer_confirms_itself(model: InstructSam, features: ImageFeatures) -> None:
    prompt = [*PREFIX, *QUESTION]
    with torch.inference_mode():
        plain = model.generate(features, prompt)
        again = model.generate(features, prompt, previous_ids=plain.ids)
    assert_same(again, plain)
    assert again.confirmed == len(plain.ids)


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


@given(st.lists(st.sampled_from([START, END, 1, 2]), max_size=20))
def test_spans_are_closed_disjoint_and_complete(ids: list[int]) -> None:
    spans = phrase_spans(ids, SimpleNamespace(ref_start=START, ref_end=END))  # type: ignore[arg-type]
    last = 0
    for end, (start, stop) in spans.items():
        assert (ids[start], ids[end], stop) == (START, END, end + 1)
        assert END not in ids[start:end]
        assert START not in ids[last:start]
        last = stop
    assert len(spans) <= ids.count(END)


def test_scores_of_words_that_are_no_numbers_are_an_error(
    tiny_model: InstructSam, features: ImageFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an overflow in half precision would be an answer of one word, over and over."""
    monkeypatch.setattr(
        tiny_model.language, "logits", lambda hidden: torch.full((*hidden.shape[:-1], 512), torch.nan)
    )
    with torch.inference_mode(), pytest.raises(InstructSamError, match="not numbers"):
        tiny_model.generate(features, [*PREFIX, *QUESTION])


def test_a_value_is_made_once_and_when_asked_for() -> None:
    made: list[int] = []
    once = Lazy(lambda: made.append(7) or made[-1])
    assert once.made is None
    assert (once(), once(), once.made, made) == (7, 7, 7, [7])


def test_what_is_offered_first_stays() -> None:
    once = Lazy(lambda: 1)
    once.offer(2)
    once.offer(3)
    assert (once(), once.made) == (2, 2)


def test_a_failure_reaches_the_caller_and_is_tried_again() -> None:
    results = iter([ValueError("not yet"), 5])

    def make() -> int:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return result

    once = Lazy(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert (once.made, once()) == (None, 5)
