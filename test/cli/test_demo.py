"""The demo as a user runs it: real processes, real DDS, with the fake model."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.results import write_ply

ROOT = Path(__file__).parents[2]
DEPTH = 0.8  # metres
FOCAL = 500.0
INFO = f"{{fx: {FOCAL}, fy: {FOCAL}, cx: 159.5, cy: 119.5, width: 320, height: 240}}"


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from instructsam_ros.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "demo", "--model", "fake", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture
def frame(tmp_path: Path) -> list[str]:
    """Options for a frame with two red squares and a blue one, all at DEPTH."""
    picture = np.full((240, 320, 3), 128, np.uint8)
    picture[100:140, 40:80] = (0, 0, 255)
    picture[100:140, 240:280] = (0, 0, 255)
    picture[20:60, 140:180] = (255, 0, 0)
    cv2.imwrite(str(tmp_path / "color.png"), picture)
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((240, 320), DEPTH * 1000, np.uint16))
    (tmp_path / "camera.yaml").write_text(INFO)
    files = {"--image": "color.png", "--depth": "depth.png", "--info": "camera.yaml"}
    return [part for option, name in files.items() for part in (option, str(tmp_path / name))]


def test_several_targets_on_a_frame_of_the_users_own(frame, tmp_path):
    done = demo("the red things", *frame, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"\d+ +red", line)]
    assert [row[3] for row in rows] == ["1600", "1600"]
    x = (59.5 - 159.5) / FOCAL * DEPTH
    assert sorted(float(row[5]) for row in rows) == pytest.approx([x, -x], abs=0.002)
    assert [float(row[7]) for row in rows] == [DEPTH, DEPTH]
    labels = cv2.imread(str(tmp_path / "out" / "labels.png"), cv2.IMREAD_UNCHANGED)
    assert sorted(np.unique(labels[labels > 0], return_counts=True)[1]) == [1600, 1600]
    assert cv2.imread(str(tmp_path / "out" / "overlay.png")).shape == (240, 320, 3)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.ply")) == ["1_red.ply", "2_red.ply"]


def test_nothing_to_find_is_an_answer_and_leaves_no_old_clouds(frame, tmp_path):
    write_ply(tmp_path / "1_old.ply", np.zeros((1, 3)), np.zeros((1, 3), np.uint8))  # of an earlier answer
    (tmp_path / "2024_scan.ply").write_text("ply\nthe user's own")
    done = demo("the green thing", *frame, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nothing in the image answers the instruction" in done.stdout
    assert [path.name for path in tmp_path.glob("*.ply")] == ["2024_scan.ply"]
    assert not cv2.imread(str(tmp_path / "labels.png"), cv2.IMREAD_UNCHANGED).any()


@pytest.mark.parametrize("frame", [[], ["--scene", "3"]], ids=["default", "sample scene"])
def test_frames_of_the_package(tmp_path, frame):
    done = demo("the red ones", *frame, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1 +red", done.stdout, re.MULTILINE)


def test_a_picture_alone_gives_masks_without_clouds(frame, tmp_path):
    done = demo("the blue thing", *frame[:2], "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1 +blue .* 1600 +0 .*no_depth", done.stdout, re.MULTILINE)


def test_a_camera_that_ends_is_reported_with_its_log(frame, tmp_path):
    (tmp_path / "color.png").write_text("not a picture")
    done = demo("the red thing", *frame, "-o", tmp_path)
    assert done.returncode == 2
    assert "replay_camera_node ended with status 2" in done.stderr
    assert "cannot read the picture" in done.stderr


def test_an_error_of_the_node_is_reported_at_once(frame, tmp_path):
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((24, 32), 800, np.uint16))
    done = demo("the red thing", *frame, "-o", tmp_path)
    assert done.returncode == 2
    assert "segment_node reports: masks without points" in done.stderr
    assert "depth is 32x24 but the image is 320x240" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["", "--scene", "0"], "the instruction is empty"),
        (["a mug", "--scene", "77"], "000077.jpg"),
        (["a mug", "--scene", "3", "--image", __file__], "--scene"),
        (["a mug", "--image", "nowhere.png"], "nowhere.png"),
        (["a mug", "--depth", __file__], "--image"),
        (["a mug", "--image", __file__, "--depth", __file__], "belong together"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(tmp_path, arguments, named):
    done = demo(*arguments, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert named in done.stderr
    assert not (tmp_path / "out").exists()
