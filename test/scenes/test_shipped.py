"""What ships with the package: sample frames and the test set; and how a test set is written."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InstructSamError, InvalidInputError, MissingDependencyError
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.preview import write_contact_sheet
from instructsam_ros.scenes.sampling.splits import manifest
from instructsam_ros.scenes.testset import write_testset
from test.scenes.scene_metadata import HEIGHT, ROW, WIDTH


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
    view = example()
    ids = view.ids
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


def test_a_test_set_is_not_mixed_with_what_is_in_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools.mask")
    write_testset([example()], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InvalidInputError, match="is not empty"):
        write_testset([example()], tmp_path, seed=1)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_picture_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pycocotools.mask")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InstructSamError, match=r"cannot write .*0000\.jpg"):
        write_testset([example()], tmp_path / "set")
    with pytest.raises(InstructSamError, match=r"cannot write .*sheet\.png"):
        write_contact_sheet([example()], tmp_path / "sheet.png")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_test_set_without_pycocotools_is_refused_before_the_first_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    views = (pytest.fail("renders") for _ in range(1))
    with pytest.raises(MissingDependencyError, match="pycocotools"):
        write_testset(views, tmp_path)


def test_a_contact_sheet_too_large_for_its_format_is_refused(tmp_path: Path) -> None:
    view = dataclasses.replace(example(), rgb=np.zeros((17000, 96, 3), np.uint8))
    tall = dataclasses.replace(view, ids=np.zeros((17000, 96), np.uint8))
    with pytest.raises(InvalidInputError, match="too many"):
        write_contact_sheet([tall], tmp_path / "sheet.jpg")


def example() -> View:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(1, 5):
        ids[20 * number : 20 * number + 10, 50:90] = number
    meta = ROW | {"view": "table", "surface": manifest().surfaces[0]}
    return View(np.zeros((HEIGHT, WIDTH, 3), np.uint8), ids, np.zeros((HEIGHT, WIDTH), np.float32), meta)
