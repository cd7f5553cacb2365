"""Masks by their definition, positions against transformers' own."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel

from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED, InferenceMode
from instructsam_ros.models.instructsam.language import decoding_mask, grid_positions, training_mask

CPU = torch.device("cpu")
QUERIES = 3


def sees(mask: torch.Tensor) -> list[str]:
    return ["".join("x" if cell else "." for cell in row) for row in mask[0, 0].tolist()]


@pytest.mark.parametrize(
    ("mode", "query_row"), [(RELEASED, "xxxxxxxx."), (PAPER, "xxxxxxx..")], ids=["released", "paper"]
)
def test_queries_of_a_block_see_each_other(mode: InferenceMode, query_row: str) -> None:
    # Cached: 2 tokens. New: ref_end, mask_start, three queries, mask_end, one word.
    assert sees(decoding_mask(2, 7, [0], QUERIES, mode, CPU)) == [
        "xxx......",
        "xxxx.....",
        query_row,
        query_row,
        query_row,
        "xxxxxxxx.",
        "xxxxxxxxx",
    ]


@given(st.integers(0, 5), st.lists(st.booleans(), min_size=1, max_size=4))
def test_blocks_in_one_pass_see_what_they_see_one_after_the_other(past: int, kinds: list[bool]) -> None:
    length, blocks, steps = 0, [], []
    for is_block in kinds:
        size = QUERIES + 3 if is_block else 1
        steps.append((past + length, size, [0] if is_block else []))
        blocks += [length] if is_block else []
        length += size
    whole = decoding_mask(past, length, blocks, QUERIES, PAPER, CPU)[0, 0]
    for before, size, own in steps:
        rows = whole[before - past : before - past + size]
        assert torch.equal(
            rows[:, : before + size], decoding_mask(before, size, own, QUERIES, PAPER, CPU)[0, 0]
        )
        assert not rows[:, before + size :].any()


def test_training_mask_equals_decoding_and_hides_padding() -> None:
    # word, ref_end, mask_start, three queries, mask_end, word; the second row is shorter
    query = torch.tensor([[0, 0, 0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0, 0, 0]], dtype=torch.bool)
    valid = torch.tensor([[1] * 8, [1] * 6 + [0] * 2], dtype=torch.bool)
    mask = training_mask(valid, query)
    assert torch.equal(mask[0], decoding_mask(0, 8, [1], QUERIES, PAPER, CPU)[0])
    assert torch.equal(mask[1, 0, :6, :6], decoding_mask(0, 6, [0], QUERIES, PAPER, CPU)[0, 0])
    assert not mask[1, 0, :6, 6:].any()


def test_padding_in_front_sees_itself_and_stays_unseen() -> None:
    valid = torch.tensor([[0, 0, 1, 1]], dtype=torch.bool)
    mask = training_mask(valid, torch.zeros_like(valid))
    assert sees(mask) == ["x...", ".x..", "..x.", "..xx"]


def test_neighbouring_blocks_stay_apart() -> None:
    query = torch.tensor([[1, 1, 0, 1, 1]], dtype=torch.bool)
    mask = training_mask(torch.ones_like(query), query)
    assert sees(mask) == ["xx...", "xx...", "xxx..", "xxxxx", "xxxxx"]


@given(before=st.integers(0, 4), after=st.integers(0, 4), rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_grid_positions_equal_upstream(before: int, after: int, rows: int, columns: int) -> None:
    ids = torch.tensor([*[1] * before, *[9] * rows * columns, *[2] * after])
    model = SimpleNamespace(config=SimpleNamespace(vision_config=SimpleNamespace(spatial_merge_size=2)))
    model.get_vision_position_ids = lambda *args, **kwargs: Qwen3VLModel.get_vision_position_ids(
        model, *args, **kwargs
    )
    expected, _ = Qwen3VLModel.get_rope_index(
        model, ids[None], (ids == 9).int()[None], torch.tensor([[1, 2 * rows, 2 * columns]])
    )
    assert torch.equal(grid_positions(ids, 9, (rows, columns)), expected[:, 0])


def test_text_alone_counts_on() -> None:
    assert grid_positions(torch.tensor([1, 2, 3]), 9, (2, 2)).tolist() == [[0, 1, 2]] * 3


def test_without_hybrid_attention_nothing_looks_ahead() -> None:
    query = torch.tensor([[0, 0, 0, 1, 1, 1, 0, 0]], dtype=torch.bool)
    mask = training_mask(torch.ones_like(query), query, hybrid_attention=False)
    causal = dataclasses.replace(RELEASED, hybrid_attention=False)
    assert torch.equal(mask[0, 0], torch.ones(8, 8, dtype=torch.bool).tril())
    assert torch.equal(mask, decoding_mask(0, 8, [1], QUERIES, causal, CPU))
