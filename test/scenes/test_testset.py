"""Files of a test set."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from instructsam_ros.errors import InstructSamError, InvalidInputError, MissingDependencyError
from instructsam_ros.scenes.testset import write_testset
from test.scenes.scene_metadata import HEIGHT, WIDTH, example_view


def test_test_set_masks_decode_to_the_targets(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    view = example_view()
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


def test_a_folder_that_is_not_empty_is_left_unchanged(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools.mask")
    write_testset([example_view()], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InvalidInputError, match="is not empty"):
        write_testset([example_view()], tmp_path, seed=1)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_an_image_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocotools.mask")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InstructSamError, match=r"cannot write .*0000\.jpg"):
        write_testset([example_view()], tmp_path / "set")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_test_set_without_pycocotools_is_refused_before_the_first_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    views = (pytest.fail("renders") for _ in range(1))
    with pytest.raises(MissingDependencyError, match="pycocotools"):
        write_testset(views, tmp_path)
