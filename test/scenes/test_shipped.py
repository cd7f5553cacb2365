"""What ships with the package: sample frames and the test set; and how a test set is written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.heldout import manifest
from instructsam_ros.scenes.testset import write_testset
from test.scenes.metas import HEIGHT, ROW, WIDTH


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_sample_frames_are_complete_and_small() -> None:
    paths = view_paths(DATA / "scenes")
    assert len(paths) == 6
    assert size(DATA / "scenes") < 1_500_000
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


def test_test_set_masks_decode_to_the_targets(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(1, 5):
        ids[20 * number : 20 * number + 10, 50:90] = number
    meta = ROW | {"view": "table", "surface": manifest().surfaces[0]}
    view = View(np.zeros((HEIGHT, WIDTH, 3), np.uint8), ids, np.zeros((HEIGHT, WIDTH), np.float32), meta)
    assert write_testset([view], tmp_path, seed=3) > 3
    (entry,) = json.loads((tmp_path / "annotations.json").read_text())
    assert (entry["height"], entry["width"]) == (HEIGHT, WIDTH)
    assert (tmp_path / entry["image"]).exists()
    for item in entry["annotation"]:
        assert item["split"] == "held out"
        for mask in item.get("mask", []):
            decoded = coco.decode(mask).astype(bool)
            (number,) = np.unique(ids[decoded])
            assert np.array_equal(decoded, ids == number)
