"""Shipped data: sample frames and the test set."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_sample_frames_are_complete_and_small() -> None:
    paths = [*view_paths(DATA / "scenes"), *view_paths(DATA / "demo")]
    assert len(paths) == 7
    assert size(DATA / "scenes") + size(DATA / "demo") < 1_500_000
    for path in paths:
        view = load_view(path)
        assert view.rgb.shape == (480, 640, 3)
        assert view.ids.shape == view.depth.shape == (480, 640)
        assert 0.3 < np.median(view.depth[view.depth > 0]) < 2
        mugs = [o for o in view.meta["objects"] if o["category"] == "mug" and o["pixels"] > 500]
        assert len(mugs) > 1, "the default instruction asks for several mugs"


def test_shipped_test_set_is_complete_small_and_balanced() -> None:
    folder = DATA / "testset"
    entries = json.loads((folder / "annotations.json").read_text())
    assert len(entries) == 200
    assert size(folder) < 8_000_000
    items = [item for entry in entries for item in entry["annotation"]]
    without = sum("mask" not in item for item in items) / len(items)
    assert 0.15 < without < 0.3
    assert set(Counter(item["level"] for item in items)) == {"concept", "simple", "complex"}
    for entry in entries:
        image = cv2.imread(str(folder / entry["image"]))
        assert image.shape == (entry["height"], entry["width"], 3)
