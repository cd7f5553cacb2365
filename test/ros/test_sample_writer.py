"""Answered frames on disk: what reads them back, and what happens where they cannot be written."""

import dataclasses
import errno
import json
import os

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.sample_writer import run_lengths, write_sample
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mask_codec import decode_masks, instance_rles
from instructsam_ros.training.data.readers import inst2seg
from test.ros.output.frame_results import FLAT, HEIGHT, WIDTH, block, frame_result

PARAMETERS = dataclasses.asdict(NodeSettings())


def test_training_reads_a_sample_back(tmp_path):
    depth = FLAT.copy()
    depth[0, 0] = np.nan
    masks = [block(), block(columns=slice(22, 30))]
    result = frame_result(depth, masks, [0.9, 0.8])
    folder = write_sample(result, tmp_path / "samples", "first", PARAMETERS)
    assert sorted(path.name for path in folder.iterdir()) == [
        "annotations.json", "answer.json", "camera.json", "depth.tiff", "image.png", "parameters.yaml",
    ]  # fmt: skip
    broken = BrokenRecords()
    settings = inst2seg.Settings(annotations=folder / "annotations.json", images=folder)
    (sample,) = inst2seg.read(settings, broken)
    assert sample.instruction == "mug"
    np.testing.assert_array_equal(sample.read(), result.result.frame.rgb)
    np.testing.assert_array_equal(sample.phrases[0].masks(), masks)
    read, camera = sample.depth()
    np.testing.assert_array_equal(read, depth)
    assert camera == result.result.frame.intrinsics
    answer = json.loads((folder / "answer.json").read_text())
    assert [each["id"] for each in answer["instances"]] == [1, 2]
    stored = yaml.safe_load((folder / "parameters.yaml").read_text())["/**"]["ros__parameters"]
    assert NodeSettings(**stored) == NodeSettings()


def test_nothing_found_and_no_depth_is_a_sample_too(tmp_path):
    folder = write_sample(frame_result(None), tmp_path, "", PARAMETERS)
    settings = inst2seg.Settings(annotations=folder / "annotations.json", images=folder)
    (sample,) = inst2seg.read(settings, BrokenRecords())
    assert sample.phrases[0].masks().shape == (0, HEIGHT, WIDTH)
    assert sample.depth is None


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", " ", "x" * 200, "a\n"])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(InvalidInputError, match="no name of a folder"):
        write_sample(frame_result(FLAT), tmp_path, name, PARAMETERS)
    assert not list(tmp_path.iterdir())


def test_a_sample_is_not_written_over(tmp_path):
    write_sample(frame_result(FLAT), tmp_path, "first", PARAMETERS)
    with pytest.raises(InvalidInputError, match="already"):
        write_sample(frame_result(FLAT), tmp_path, "first", PARAMETERS)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    synced = os.fsync
    written = []

    def full(handle):
        written.append(handle)
        if len(written) > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InstructSamError, match="No space left"):
        write_sample(frame_result(FLAT), tmp_path, "first", PARAMETERS)
    assert not list(tmp_path.iterdir())


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_runs_are_read_as_the_mask_they_were_made_of(mask):
    rles = instance_rles([run_lengths(mask)], *mask.shape)
    assert len(rles) == int(mask.any())
    if mask.any():
        np.testing.assert_array_equal(decode_masks(rles, *mask.shape)[0], mask)
