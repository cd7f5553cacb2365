"""Stages of the reference procedure."""

from __future__ import annotations

from benchmarks.full_size_latency import Bench


def test_every_stage_runs_once_and_every_phrase_has_masks(reference) -> None:
    model, answer, output, watch = reference
    assert list(watch.wall) == ["image tower", "prompt", "answer", "SAM 3 encoder", "detector"]
    assert list(answer.ids) == Bench(model, 2).answer_ids
    assert output.mask_logits.shape[:2] == output.score_logits.shape[:2] == (2, model.config.num_queries)
