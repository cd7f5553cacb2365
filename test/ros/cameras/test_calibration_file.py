from pathlib import Path

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.cameras.calibration_file import read_camera
from instructsam_ros.types import CameraModel

CALIBRATION = """
image_width: 640
image_height: 480
camera_name: narrow
camera_matrix: {rows: 3, cols: 3, data: [600, 0, 320.5, 0, 601.5, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, 0, 0]}
"""
ECHOED = """
header: {frame_id: cam}
height: 480
width: 640
distortion_model: plumb_bob
d: [0.1, -0.2, 0.001, 0.0, 0.0]
k: [600.0, 0.0, 320.5, 0.0, 601.5, 240.0, 0.0, 0.0, 1.0]
---
height: 1
"""
NUMBERS = """{"fx": 600, "fy": 601.5, "cx": 320.5, "cy": 240, "width": 640, "height": 480,
  "distortion_model": "plumb_bob", "d": [0.1, -0.2, 0.001, 0, 0]}"""
SCENE = """{"seed": 3, "K": {"fx": 600, "fy": 601.5, "cx": 320.5, "cy": 240, "width": 640, "height": 480,
  "distortion_model": "plumb_bob", "d": [0.1, -0.2, 0.001, 0, 0]}}"""
CAMERA = CameraModel(640, 480, 600.0, 601.5, 320.5, 240.0, "plumb_bob", (0.1, -0.2, 0.001, 0.0, 0.0))


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "camera.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("text", [CALIBRATION, ECHOED, NUMBERS, SCENE])
def test_every_layout_gives_the_same_camera(write, text):
    assert read_camera(write(text)) == CAMERA


def test_a_nested_matrix_and_no_distortion(write):
    text = "{width: 4, height: 3, K: [[5, 0, 2], [0, 6, 1], [0, 0, 1]]}"
    assert read_camera(write(text)) == CameraModel(4, 3, 5.0, 6.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{fx: 1, fy: 1, cx: 1, cy: 1, width: 4}", "height"),
        ("{fx: 1, fy: 1, cx: 1, width: 4, height: 4}", "cy"),
        ("{camera_matrix: [1, 2, 3], width: 4, height: 4}", "3 numbers instead of 9"),
        ("{fx: wide, fy: 1, cx: 1, cy: 1, width: 4, height: 4}", "wide"),
        ("{fx: 0, fy: 1, cx: 1, cy: 1, width: 4, height: 4}", "calibrated"),
        ("{fx: 1, fx: 2, fy: 1, cx: 1, cy: 1, width: 4, height: 4}", "'fx' is there twice"),
        ("- 1", "list"),
        ("", "NoneType"),
        ("{fx: [", "YAML|expected|flow"),
    ],
)
def test_what_is_wrong_is_named(write, text, named):
    with pytest.raises(InvalidInputError, match=named):
        read_camera(write(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"nowhere\.yaml"):
        read_camera(tmp_path / "nowhere.yaml")
