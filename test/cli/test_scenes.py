"""``instructsam scenes``: render, preview, the split, and bad options."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from instructsam_ros.cli import main
from instructsam_ros.cli.scenes import add_arguments
from instructsam_ros.paths import DATA
from instructsam_ros.scenes import render_dataset as rendering
from instructsam_ros.scenes.render_dataset import RenderJob

needs_rendering = pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="needs MuJoCo")


@pytest.mark.parametrize(
    ("flags", "split"), [([], "train"), (["--validation"], "heldout"), (["--heldout"], "heldout")]
)
def test_validation_and_its_alias_choose_the_split(
    flags: list[str], split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[RenderJob] = []
    monkeypatch.setattr(rendering, "render_dataset", lambda job, processes: jobs.append(job) or job.views)
    assert main(["scenes", "render", "4", str(tmp_path), "--exact-depth", *flags]) == 0
    assert jobs == [RenderJob(4, tmp_path, split=split, sensor_noise=False)]


def test_the_test_set_has_no_other_split() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["testset", "out", "--validation"])


@needs_rendering
def test_command_line_renders_and_previews(tmp_path: Path) -> None:
    options = ["--width", "64", "--height", "48", "--renderer", "classic", "--validation", "--seed", "7"]
    assert main(["scenes", "render", "2", str(tmp_path / "data"), *options]) == 0
    meta = json.loads((tmp_path / "data/shard-0000/000000.json").read_text())
    assert meta["held_out"]
    assert meta["renderer"] == "classic"
    sheet = tmp_path / "sheet.png"
    assert main(["scenes", "preview", str(sheet), "--data", str(tmp_path / "data"), "--count", "2"]) == 0
    assert sheet.stat().st_size > 1000


@needs_rendering
@pytest.mark.parametrize(
    "options",
    [
        ["preview", "sheet.png", "--seed", "-1"],
        ["preview", "sheet.png", "--seed", "-1", "--data", "data"],
        ["testset", "set", "--seed", "-1"],
        ["testset", "set", "--count", "0"],
        ["testset", "set", "--count", "-2"],
        ["preview", "sheet.gif"],
    ],
)
def test_bad_options_are_refused_before_anything_is_rendered(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instructsam_ros.scenes.rendering import render

    monkeypatch.chdir(tmp_path)
    shutil.copytree(DATA / "scenes", tmp_path / "data")
    monkeypatch.setattr(render, "choose_renderer", lambda name: pytest.fail("renders"))
    assert main(["scenes", *options]) == 2
    assert not (tmp_path / "set").exists()


@needs_rendering
@pytest.mark.parametrize("platform", ["foo", "osmesa"])
def test_a_missing_opengl_platform_is_named(platform: str, tmp_path: Path) -> None:
    code = "import sys; from instructsam_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    if platform == "osmesa":  # as where its library is not installed
        code = "import ctypes.util; ctypes.util.find_library = lambda name: None; " + code
    command = [sys.executable, "-c", code, "scenes", "render", "1", str(tmp_path / "data")]
    here = os.environ | {"MUJOCO_GL": platform, "PYTHONPATH": os.pathsep.join(sys.path)}
    here.pop("PYOPENGL_PLATFORM", None)  # that of this process
    done = subprocess.run(command, env=here, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"MUJOCO_GL={platform}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
