"""SegTokenSegmenter: which weights it takes, and what it says of answers that are full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from instructsam_ros import segmenter
from instructsam_ros.backends.seg_token import SegTokenSegmenter, load
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.types import Status

START, END, SEG, EOS = 508, 509, 505, 511
RGB = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def written(monkeypatch: pytest.MonkeyPatch, found: SegTokenSegmenter, count: int, end: list[int]):
    """What the segmenter answers where its language model writes ``count`` [SEG] tokens."""
    ids = [START, 2, END, *[SEG] * count, *end]
    blocks = range(2, 3 + min(count, found.model.config.num_queries))
    states = torch.randn(len(blocks), 1, found.model.config.hidden_size, generator=torch.manual_seed(0))
    states = states.to(found.model.mask_queries.dtype)
    generation = Generation(tuple(ids), tuple(blocks), states)
    monkeypatch.setattr(type(found.model), "generate", lambda *_, **__: generation)
    monkeypatch.setattr(
        "instructsam_ros.models.instructsam.seg_token.presence_logits",
        lambda _, __, states: torch.ones(states.shape[:-1]),
    )
    return found.segment_image(RGB, "the mug")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("count", "end", "status"),
    [(0, [EOS], Status.NO_TARGET), (2, [EOS], Status.OK), (11, [], Status.SATURATED)],
)
def test_status_follows_from_what_is_written(
    seg_token_folder, monkeypatch, caplog, dtype, count, end, status
) -> None:
    found = load(str(seg_token_folder), "cpu", dtype=dtype, threads=1)
    found.model.detector.mask_bias.data.fill_(9.0)  # masks with pixels, whatever the weights
    result = written(monkeypatch, found, count, end)
    assert result.status == status
    assert bool(result.instances) == bool(count)
    assert ("was cut off after 10 instances" in caplog.text) == (count == 11)


def test_weights_of_the_other_kind_are_refused_by_both(seg_token_folder: Path, tiny_folder: Path) -> None:
    with pytest.raises(ConfigError, match="with the backend instructsam"):
        segmenter.load(str(tiny_folder), backend="seg_token", device="cpu")
    with pytest.raises(ConfigError, match="with the backend seg_token"):
        segmenter.load(str(seg_token_folder), device="cpu")
