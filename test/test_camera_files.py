from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.camera_files import read_camera, read_depth
from instructsam_ros.errors import InvalidInputError
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


MILLIMETRES = np.array([[800, 0], [1500, 0]], np.uint16)


@pytest.mark.parametrize(
    ("name", "stored"),
    [("depth.png", MILLIMETRES), ("d\u00e9pth.tiff", np.float32(MILLIMETRES) / 1000)],
)
def test_depth_is_read_in_metres_with_its_camera(tmp_path, write, name, stored):
    (tmp_path / name).write_bytes(cv2.imencode(Path(name).suffix, stored)[1].tobytes())
    depth, camera = read_depth(tmp_path / name, write(NUMBERS))
    np.testing.assert_allclose(depth, [[0.8, np.nan], [1.5, np.nan]], rtol=1e-6)
    assert camera == CAMERA


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "cannot read the depth image"),
        (b"", "not a readable depth image"),
        (b"text", "not a readable depth image"),
        (cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes(), "is uint8"),
        (cv2.imencode(".png", np.zeros((2, 2, 3), np.uint16))[1].tobytes(), r"uint16 \(2, 2, 3\)"),
    ],
)
def test_what_is_no_depth_image_is_named(tmp_path, write, content, named):
    if content is not None:
        (tmp_path / "depth.png").write_bytes(content)
    with pytest.raises(InvalidInputError, match=named):
        read_depth(tmp_path / "depth.png", write(NUMBERS))
