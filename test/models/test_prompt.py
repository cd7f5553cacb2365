"""Words that a model never learned are named, once, and not passed over."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from instructsam_ros.models.instructsam.backend import load


def test_unknown_words_are_named_once_per_instruction(caplog: pytest.LogCaptureFixture) -> None:
    segmenter = load("compact", "cpu")
    rgb = np.full((48, 64, 3), 127, np.uint8)
    with caplog.at_level(logging.WARNING):
        for text in ("The drill, and my Blorb!", "all the mugs", "The drill, and my Blorb!"):
            segmenter.segment_image(rgb, text)
    (message,) = (record.getMessage() for record in caplog.records)
    assert "does not know 'drill', 'Blorb'" in message
    assert "The drill, and my Blorb!" in message
