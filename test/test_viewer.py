"""Recordings of results for Rerun."""

import subprocess
import sys

import numpy as np
import pytest

from instructsam_ros.errors import MissingDependencyError
from instructsam_ros.pipeline import Pipeline
from instructsam_ros.segmenter import load
from instructsam_ros.types import CameraModel, Frame
from instructsam_ros.viewer import Viewer


def red_square(column: int):
    """Answer on a frame with one red square, which lies flat at a metre."""
    rgb = np.full((48, 64, 3), 90, np.uint8)
    rgb[10:30, column : column + 20] = (220, 20, 20)
    frame = Frame(rgb, np.ones((48, 64), np.float32), CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0))
    return Pipeline(load("fake")).run(frame, "the red thing")


def test_a_recording_holds_the_picture_masks_clouds_boxes_and_times(tmp_path):
    pytest.importorskip("rerun")
    with Viewer(tmp_path / "deep" / "answers.rrd") as viewer:
        for number in range(3):
            viewer.show(red_square(5 + number), 1000.0 + number)
    written = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "print", "-v", tmp_path / "deep" / "answers.rrd"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for path in ("/picture", "/picture/masks", "/scene/points/1", "/scene/boxes", "/milliseconds/lift"):
        assert path in written


def test_an_instance_that_is_gone_is_cleared(tmp_path, monkeypatch):
    logged: list[tuple[str, str]] = []

    class Stream:
        def __init__(self, name): ...
        def __getattr__(self, name):
            return lambda *args, **options: None

        def log(self, path, what):
            logged.append((path, what))

    class Rerun:
        RecordingStream = Stream

        def __getattr__(self, name):
            return lambda *args, **options: name

    monkeypatch.setitem(sys.modules, "rerun", Rerun())
    nothing = Pipeline(load("fake")).run(Frame(np.zeros((48, 64, 3), np.uint8)), "the red thing")
    with Viewer(tmp_path / "a.rrd") as viewer:
        viewer.show(red_square(5), 1.0)
        assert ("scene/points/1", "Points3D") in logged
        viewer.show(nothing, 2.0)
    assert ("scene/points/1", "Clear") in logged


def test_without_rerun_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingDependencyError, match="viz"):
        Viewer()
