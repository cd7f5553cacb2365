"""Decoding with drafts and prefixes equals plain decoding."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation, Lazy
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import phrase_spans
from test.models.instructsam.scripted import END, EOS, PREFIX, QUESTION, START, forced

torch.set_num_threads(1)


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
def test_a_prefix_computed_with_the_first_generation_equals_one_computed_before(
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


def test_logits_that_are_not_finite_are_an_error(
    tiny_model: InstructSam, features: ImageFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An overflow in half precision would otherwise repeat one token."""
    monkeypatch.setattr(
        tiny_model.language, "logits", lambda hidden: torch.full((*hidden.shape[:-1], 512), torch.nan)
    )
    with torch.inference_mode(), pytest.raises(InstructSamError, match="not numbers"):
        tiny_model.generate(features, [*PREFIX, *QUESTION])


def test_a_lazy_value_is_computed_once_and_on_first_use() -> None:
    made: list[int] = []
    once = Lazy(lambda: made.append(7) or made[-1])
    assert once.made is None
    assert (once(), once(), once.made, made) == (7, 7, 7, [7])


def test_the_first_offered_value_is_kept() -> None:
    once = Lazy(lambda: 1)
    once.offer(2)
    once.offer(3)
    assert (once(), once.made) == (2, 2)


def test_a_failed_computation_raises_and_is_repeated() -> None:
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
